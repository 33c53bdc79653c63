import { type TestPostgres, testPostgres } from '@mailx/testing/test-postgres'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectPostgres } from './connect-postgres.ts'
import { logMigrations, migrate } from './migrate.ts'

let db: TestPostgres

beforeEach(async () => {
  db = await testPostgres()
})
afterEach(() => db.drop())

test('processes that start together migrate once', async () => {
  const pools = await Promise.all(
    [1, 2, 3].map((n) => connectPostgres({ url: db.url, applicationName: `starter-${n}` })),
  )
  await Promise.all(pools.map((pool) => migrate(pool, logMigrations)))
  const { rows } = await db.pool.query('select name from log.migrations')
  const names = ['0001_log', '0002_privileges', '0003_append_together']
  expect(rows).toEqual(names.map((name) => ({ name })))
  await Promise.all(pools.map((pool) => pool.end()))
})

test('each schema remembers its own migrations', async () => {
  const { mkdtemp, writeFile, rm } = await import('node:fs/promises')
  const dir = await mkdtemp('/tmp/migrations-')
  await writeFile(
    `${dir}/0001_things.sql`,
    '-- Up Migration\ncreate table service.things (id int);\n',
  )
  await migrate(db.pool, logMigrations)
  await migrate(db.pool, { schema: 'service', dir })
  await migrate(db.pool, { schema: 'service', dir })
  const { rows } = await db.pool.query('select name from service.migrations')
  expect(rows).toEqual([{ name: '0001_things' }])
  await expect(db.pool.query('select * from service.things')).resolves.toMatchObject({ rows: [] })
  await rm(dir, { recursive: true })
})

const added = (name: string) =>
  db.pool.query('insert into log.migrations (name, run_on) values ($1, now())', [name])

describe('a schema that a newer version has migrated', () => {
  test('is worked with, and told once', async () => {
    await migrate(db.pool, logMigrations)
    await added('0003_labels')
    await added('0004_folders')
    const said: string[] = []
    await migrate(db.pool, logMigrations, (what) => said.push(what))
    expect(said).toEqual([
      expect.stringContaining('schema log is of a newer version (0003_labels, 0004_folders)'),
    ])
  })

  test('is refused when that took away what this version needs', async () => {
    await migrate(db.pool, logMigrations)
    await added('0003_labels')
    await added('0004_contract_labels')
    await expect(migrate(db.pool, logMigrations)).rejects.toMatchObject({
      code: 'UNSAFE_CONFIGURATION',
      message: expect.stringMatching(/schema log .*\(0004_contract_labels\): run that version/),
    })
  })
})
