import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterEach, expect, test } from 'vitest'
import type { Backend } from './backend.ts'
import { createDatabase, dropDatabase } from './create-database.ts'
import { startPostgres } from './start-postgres.ts'

const say = () => {}
const tempDir = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const running: Backend[] = []

afterEach(async () => {
  for (const backend of running.splice(0)) await backend.stop()
})

async function start(options: Parameters<typeof startPostgres>[0] = {}) {
  const backend = await startPostgres({ own: true, say, tempDir, ...options })
  running.push(backend)
  return backend
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

const settings = `select name, setting from pg_settings
  where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name`

test('by default it is safe at a power cut', async () => {
  const { url } = await start()
  expect(await query(url, settings)).toEqual([
    { name: 'fsync', setting: 'on' },
    { name: 'full_page_writes', setting: 'on' },
    { name: 'synchronous_commit', setting: 'on' },
  ])
})

test('on demand it is not', async () => {
  const { url } = await start({ durable: false })
  expect(await query(url, settings)).toMatchObject([
    { setting: 'off' },
    { setting: 'off' },
    { setting: 'off' },
  ])
})

test('a wrong password is refused over TCP', async () => {
  const url = new URL((await start()).url)
  url.password = 'guessed'
  await expect(query(url.href, 'select 1')).rejects.toThrow('password authentication failed')
})

test('what was committed is there after a crash', async () => {
  const postgres = await start()
  await query(postgres.url, 'create table kept (n int); insert into kept values (7)')
  await postgres.kill()
  await expect(query(postgres.url, 'select 1')).rejects.toThrow('ECONNREFUSED')
  await postgres.restart()
  expect(await query(postgres.url, 'select n from kept')).toEqual([{ n: 7 }])
})

test('a data folder outlives its server, and the next one opens it at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mailx-kept-'))
  await chmod(folder, 0o755)
  const dataDir = join(folder, 'postgres')
  const first = await start({ dataDir })
  await query(first.url, 'create table kept (n int)')
  await first.kill()
  // The processes of the first may still be ending.
  const second = await start({ dataDir })
  expect(await query(second.url, 'select * from kept')).toEqual([])
  await second.stop()
  await rm(folder, { recursive: true })
})

test('databases are made and removed', async () => {
  const { url } = await start()
  const made = await createDatabase(url, 'mail "one"')
  expect(await createDatabase(url, 'mail "one"')).toBe(made)
  expect(await query(made, 'select current_database()')).toEqual([
    { current_database: 'mail "one"' },
  ])
  await dropDatabase(url, 'mail "one"')
  await expect(query(made, 'select 1')).rejects.toThrow('does not exist')
})
