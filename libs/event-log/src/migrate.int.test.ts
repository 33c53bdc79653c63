import { type TestPostgres, testPostgres } from '@mailx/testing/test-postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
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
  expect(rows).toEqual([{ name: '0001_log' }, { name: '0002_privileges' }])
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
