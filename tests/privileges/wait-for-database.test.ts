import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepare } from '@mailx/all-in-one-service/prepare'
import { findDatabase } from '@mailx/all-in-one-service/wait'
import { roleName } from '@mailx/privileges/postgres-grants'
import { type Principal, principals } from '@mailx/privileges/services'
import { findPrepared } from '@mailx/runtime/wait-for-database'
import { type TestPostgres, testPostgres } from '@mailx/testing/test-postgres'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let db: TestPostgres
let folder: string
const services = principals.filter((name) => name !== 'operator')
const notYet = { code: 'UNAVAILABLE', message: expect.stringContaining('prepare') as string }

beforeAll(async () => {
  db = await testPostgres()
  folder = await mkdtemp(join(tmpdir(), 'mailx-wait-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await db.drop()
})

const prepareFor = async (...names: readonly Principal[]) => {
  for (const name of names) await writeFile(join(folder, name), `${name}-pw`)
  await prepare({
    MIGRATION_DATABASE_URL: db.url,
    ROLE_PASSWORDS_DIR: folder,
    LOG_PARTITIONS: 1,
    LOG_LEVEL: 'info',
  })
}

function urlOf(name: Principal): string {
  const url = new URL(db.url)
  url.username = roleName(url.pathname.slice(1), name)
  url.password = ''
  return url.href
}

const find = (name: Principal) =>
  findDatabase(
    { DATABASE_URL: urlOf(name), DATABASE_PASSWORD: `${name}-pw`, LOG_LEVEL: 'info' },
    name,
  )

test('a role waits until it is made, and is not taken for another', async () => {
  await expect(find('gateway')).rejects.toMatchObject(notYet)
  await prepareFor('gateway')
  await find('gateway')
  await expect(find('storage')).rejects.toMatchObject(notYet)
})

test('every process finds what it works on when the database is prepared for it', async () => {
  await prepareFor(...services)
  await expect(Promise.all(services.map(find))).resolves.toHaveLength(8)
})

test('it waits for tables of its version, and for its rights to them', async () => {
  await prepareFor(...services)
  await db.pool.query('create table gateway.later (id int)')
  await expect(find('gateway')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('may not read gateway.later yet') as string,
  })
  await find('storage')
  await prepareFor('gateway')
  await find('gateway')

  const later = await mkdtemp(join(tmpdir(), 'mailx-later-'))
  try {
    await writeFile(join(later, '9999_later.sql'), 'create table gateway.next (id int);\n')
    const url = new URL(urlOf('gateway'))
    url.password = 'gateway-pw'
    const wanted = { url: url.href, migrations: [{ schema: 'gateway', dir: later }] }
    await expect(findPrepared(wanted)).rejects.toMatchObject(notYet)
  } finally {
    await rm(later, { recursive: true })
  }
})

test('a process that there is not is refused, and names those that there are', async () => {
  for (const name of ['gatway', 'operator', '']) {
    const config = { DATABASE_URL: db.url, LOG_LEVEL: 'info' } as const
    await expect(findDatabase(config, name)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('one of identity, ') as string,
    })
  }
})
