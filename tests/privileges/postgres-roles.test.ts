import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepare } from '@mailx/all-in-one-service/prepare'
import { logMigrations, migrate } from '@mailx/event-log/migrate'
import { openEventLog } from '@mailx/event-log/open-log'
import { appendRequest } from '@mailx/event-log/test-log'
import { contextNames } from '@mailx/events/contexts'
import {
  type Principal,
  principals,
  rightsOf,
  serviceNames,
  services,
} from '@mailx/privileges/services'
import { type TestPostgres, testPostgres } from '@mailx/testing/test-postgres'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let db: TestPostgres
let folder: string
const pools = new Map<Principal, Pool>()

const REFUSED = { code: '42501' }

beforeAll(async () => {
  db = await testPostgres()
  folder = await mkdtemp(join(tmpdir(), 'mailx-roles-'))
  for (const principal of principals) await writeFile(join(folder, principal), `${principal}-pw`)
  const logins = await prepare({
    MIGRATION_DATABASE_URL: db.url,
    ROLE_PASSWORDS_DIR: folder,
    LOG_PARTITIONS: 2,
    LOG_LEVEL: 'info',
  })
  for (const { principal, role } of logins) pools.set(principal, connect(role, `${principal}-pw`))
  const log = await openEventLog({ pool: db.pool })
  for (const context of contextNames) await log.append(appendRequest({ context, stream: context }))
  await db.pool.query("insert into mail.blobs values ('\\x01', '\\x02', 0)")
})

afterAll(async () => {
  for (const pool of pools.values()) await pool.end()
  await rm(folder, { recursive: true })
  await db.drop()
})

function connect(role: string, password: string): Pool {
  const url = new URL(db.url)
  url.username = role
  url.password = password
  const pool = new Pool({ connectionString: url.href, max: 2 })
  // The database is dropped under them at the end.
  pool.on('error', () => {})
  return pool
}

function as(principal: Principal): Pool {
  const pool = pools.get(principal)
  if (pool === undefined) throw new Error(`${principal} has no role`)
  return pool
}

type Table = {
  readonly oid: string
  readonly name: string
  readonly schema: string
  readonly kind: 'r' | 'v'
}

/** Every table and view of the log, the blobs and the services. */
async function tables(): Promise<Table[]> {
  const { rows } = await db.pool.query<Table>(
    `select c.oid, format('%I.%I', n.nspname, c.relname) as name, n.nspname as schema, c.relkind as kind
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'v') and n.nspname = any($1) order by 2`,
    [['log', 'mail', ...serviceNames.map((name) => services[name].schema)]],
  )
  return rows
}

test.each(principals)(
  '%s can neither change, erase nor extend the log by hand',
  async (principal) => {
    for (const statement of [
      "update log.events set data = ''",
      'delete from log.events',
      'truncate log.events',
      'alter table log.events disable trigger append_only',
      'alter table log.events disable row level security',
      "insert into log.events values ('submission-0', 9, 's', 1, 't', '', '', 0, '')",
      "update log.partitions set head = 0 where name = 'submission-0'",
      'update log.partitions set published = 0',
      'delete from log.partitions',
      'truncate log.partitions',
      "insert into log.contexts values ('more', 1)",
      "insert into log.writers values ('identity', session_user)",
      'drop table log.events',
      'create table log.mine (id int)',
      'create table public.mine (id int)',
    ]) {
      await expect(as(principal).query(statement), statement).rejects.toMatchObject(REFUSED)
    }
  },
)

test.each(principals)('%s appends to what it writes and to nothing else', async (principal) => {
  const writes = new Set(rightsOf(principal).flatMap((rights): readonly string[] => rights.writes))
  const log = await openEventLog({ pool: as(principal) })
  const allowed: string[] = []
  for (const context of contextNames) {
    for (const expectedVersion of ['any', 0] as const) {
      const stream = `${context}/${principal}/${expectedVersion}`
      const appended = log.append(appendRequest({ context, stream, expectedVersion }))
      if (await appended.then(() => true, isRefused)) allowed.push(context)
    }
  }
  expect(new Set(allowed)).toEqual(writes)
  expect(allowed).toHaveLength(2 * writes.size)
  await log.close()
})

/** False for what Postgres refuses for want of a right; anything else is a failure of the test. */
function isRefused(error: unknown): false {
  const { cause } = error as { cause?: unknown }
  expect(cause).toMatchObject(REFUSED)
  return false
}

test.each(principals)('%s reads the contexts that are its business', async (principal) => {
  const reads = new Set(rightsOf(principal).flatMap((rights): readonly string[] => rights.reads))
  const { rows } = await as(principal).query<{ context: string }>(
    "select distinct split_part(partition, '-', 1) as context from log.events order by 1",
  )
  const expected = principal === 'operator' ? contextNames : [...reads]
  expect(rows.map(({ context }) => context)).toEqual([...expected].toSorted())
})

test.each(principals)('%s marks as published only what it writes', async (principal) => {
  const writes = rightsOf(principal).flatMap((rights): readonly string[] => rights.writes)
  const partitions = contextNames.map((context) => `${context}-0`)
  const marks = 'select partition from log.mark_published($1, $2, $2)'
  const marked = as(principal).query<{ partition: string }>(marks, [
    partitions,
    partitions.map(() => '1'),
  ])
  if (principal === 'operator') return expect(marked).rejects.toMatchObject(REFUSED)
  const own = writes.map((context) => `${context}-0`).toSorted()
  return expect((await marked).rows.map(({ partition }) => partition).toSorted()).toEqual(own)
})

test.each(serviceNames)('%s keeps out of the schemas of the others', async (principal) => {
  const own = services[principal].schema
  const foreign = (await tables()).filter(({ schema }) => !['log', 'mail', own].includes(schema))
  expect(foreign.length).toBeGreaterThan(30)
  for (const { name } of foreign) {
    await expect(as(principal).query(`select from ${name}`), name).rejects.toMatchObject(REFUSED)
  }
  const { rows } = await as(principal).query<{ name: string; right: string }>(
    `select t.oid::regclass::text as name, r as right from unnest($1::oid[]) as t(oid),
       unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) r
       where has_table_privilege(t.oid, r)
         or (r in ('SELECT', 'INSERT', 'UPDATE') and has_any_column_privilege(t.oid, r))`,
    [foreign.map(({ oid }) => oid)],
  )
  expect(rows).toEqual([])
})

test.each(serviceNames)(
  '%s has the run of its own tables, but not of what must stay',
  async (principal) => {
    const { schema, vault } = services[principal]
    const own = (await tables()).filter((table) => table.schema === schema)
    const kept = new Set([`${schema}.migrations`, `${schema}.operator_requests`, `${schema}.vault`])
    expect(own.some(({ name }) => name === `${schema}.vault`)).toBe(vault)
    for (const { kind, name } of own) {
      await as(principal).query(`select count(*) from ${name}`)
      if (kind === 'v') continue
      const erased = as(principal).query(`delete from ${name} where false`)
      if (kept.has(name)) await expect(erased, name).rejects.toMatchObject(REFUSED)
      else await erased
      const truncated = as(principal).query(`truncate ${name}`)
      await expect(truncated, name).rejects.toMatchObject(REFUSED)
    }
    await as(principal).query(
      `update ${schema}.operator_requests set status = 'done', progress = '' where false`,
    )
  },
)

test('sealed bytes are put there, read and erased by those alone whose work it is', async () => {
  const may = async (principal: Principal, statement: string) => {
    try {
      await as(principal).query(statement)
      return true
    } catch (error) {
      expect(error).toMatchObject(REFUSED)
      return false
    }
  }
  const able = async (statement: string) => {
    const found: Principal[] = []
    for (const principal of principals) if (await may(principal, statement)) found.push(principal)
    return found.toSorted()
  }
  const store =
    "insert into mail.blobs (hash, data, created_at, ahead) values ('\\x05', '\\x06', 0, true)"
  expect(
    await able(`${store} on conflict (hash) do update set created_at = excluded.created_at`),
  ).toEqual(['all-in-one', 'gateway', 'inbound-federation'])
  expect(await able('select data from mail.blobs')).toEqual([
    'all-in-one',
    'outbound-federation',
    'storage',
  ])
  expect(await able("select * from mail.touch_blobs(array['\\x01']::bytea[], 5)")).toEqual([
    'all-in-one',
    'gateway',
    'inbound-federation',
  ])
  expect(await able("delete from mail.blobs where hash = '\\x05'")).toEqual([
    'all-in-one',
    'storage',
  ])
  expect(await able("update mail.blobs set ahead = false where hash = '\\x01'")).toEqual([
    'all-in-one',
    'gateway',
    'inbound-federation',
    'storage',
  ])
  expect(await able("update mail.blobs set data = ''")).toEqual([])
  expect(await able('truncate mail.blobs')).toEqual([])
})

describe('the operator', () => {
  test('asks services for work, and neither does it nor takes it back', async () => {
    for (const { schema } of Object.values(services)) {
      const table = `${schema}.operator_requests`
      await as('operator').query(`insert into ${table} (processor, action) values ('p', 'replay')`)
      await as('operator').query(`select status, progress from ${table}`)
      for (const statement of [`update ${table} set status = 'done'`, `delete from ${table}`]) {
        await expect(as('operator').query(statement)).rejects.toMatchObject(REFUSED)
      }
    }
  })

  test('sees no key, no session and no sealed bytes', async () => {
    const vaults = Object.values(services).filter(({ vault }) => vault)
    expect(vaults.length).toBeGreaterThan(2)
    for (const name of [
      ...vaults.map(({ schema }) => `${schema}.vault`),
      'identity.used_nonces',
      'directory.look_up_targets',
      'mail.blobs',
    ]) {
      await expect(as('operator').query(`select from ${name}`), name).rejects.toMatchObject(REFUSED)
    }
  })
})

test('no role can be had by another, and none may enter another database of the server', async () => {
  const other = await testPostgres()
  await prepare({
    MIGRATION_DATABASE_URL: other.url,
    LOG_PARTITIONS: 1,
    LOG_LEVEL: 'info',
    ROLE_PASSWORDS_DIR: folder,
  })
  const role = (await as('gateway').query<{ role: string }>('select session_user as role')).rows[0]
    ?.role
  const url = new URL(other.url)
  url.username = role ?? ''
  url.password = 'gateway-pw'
  const stranger = new Pool({ connectionString: url.href })
  await expect(stranger.query('select 1')).rejects.toMatchObject(REFUSED)
  await stranger.end()
  await other.drop()
  const become = `set role ${role?.replace('_gateway', '_storage')}`
  await expect(as('gateway').query(become)).rejects.toMatchObject(REFUSED)
})

test('a role that is too mighty is not taken for a service', async () => {
  const mighty = `mighty_${Date.now()}`
  await db.pool.query(`create role ${mighty}_gateway login superuser`)
  const prepared = prepare({
    MIGRATION_DATABASE_URL: db.url,
    ROLE_PASSWORDS_DIR: folder,
    ROLE_PREFIX: mighty,
    LOG_PARTITIONS: 1,
    LOG_LEVEL: 'info',
  })
  await expect(prepared).rejects.toMatchObject({ code: 'UNSAFE_CONFIGURATION' })
  await db.pool.query(`drop role ${mighty}_gateway`)
})

test('preparing again changes nothing for those at work, and takes back what was given by hand', async () => {
  const role = (await as('directory').query<{ role: string }>('select session_user as role'))
    .rows[0]
  await db.pool.query(`grant all on all tables in schema storage to ${role?.role}`)
  await db.pool.query(`grant usage on schema storage to ${role?.role}`)
  await as('directory').query('select from storage.entries_received')
  await prepare({
    MIGRATION_DATABASE_URL: db.url,
    ROLE_PASSWORDS_DIR: folder,
    LOG_PARTITIONS: 1,
    LOG_LEVEL: 'info',
  })
  const reading = as('directory').query('select from storage.entries_received')
  await expect(reading).rejects.toMatchObject(REFUSED)
  await as('directory').query('select from directory.users')
})

test('where the owner has not been yet, a role waits for it and says so', async () => {
  const empty = await testPostgres()
  const role = (await as('gateway').query<{ role: string }>('select session_user as role')).rows[0]
    ?.role
  const url = new URL(empty.url)
  url.username = role ?? ''
  url.password = 'gateway-pw'
  const early = new Pool({ connectionString: url.href })
  const migrated = migrate(early, logMigrations)
  await expect(migrated).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('let its owner prepare the database') as string,
  })
  await early.end()
  await empty.drop()
})

const replicas = 'select pg_current_wal_lsn() - sent_lsn as lag from pg_stat_replication'
const seesOthers = "select pg_has_role('pg_read_all_stats', 'USAGE') as sees"

test('one service sees how the server is, so does the operator, and no other', async () => {
  const seeing: Principal[] = []
  for (const principal of principals) {
    await as(principal).query(replicas)
    const { rows } = await as(principal).query<{ sees: boolean }>(seesOthers)
    if (rows[0]?.sees === true) seeing.push(principal)
    const wal = as(principal).query('select sum(size) from pg_ls_waldir()')
    if (principal === 'operator') await wal
    else await expect(wal, principal).rejects.toMatchObject(REFUSED)
  }
  expect(seeing).toEqual(['storage', 'all-in-one', 'operator'])
})

test('an owner who may not give that away says what is missing, and prepares the rest', async () => {
  const own = await testPostgres()
  const owner = `owner_${Date.now()}`
  const { pathname } = new URL(own.url)
  await own.pool.query(`create role ${owner} login createrole password 'owner-pw'`)
  await own.pool.query(`alter database "${pathname.slice(1)}" owner to ${owner}`)
  const url = new URL(own.url)
  url.username = owner
  url.password = 'owner-pw'
  const prepareAgain = async () => {
    const missing: string[] = []
    const config = {
      MIGRATION_DATABASE_URL: url.href,
      ROLE_PASSWORDS_DIR: folder,
      ROLE_PREFIX: owner,
      LOG_PARTITIONS: 1,
      LOG_LEVEL: 'info',
    } as const
    const logins = await prepare(config, (what) => missing.push(what))
    return { logins, missing }
  }
  const { logins, missing } = await prepareAgain()
  expect(missing.toSorted()).toEqual([
    expect.stringMatching(/_all_in_one does not see .*grant pg_read_all_stats to .*inherit true$/),
    expect.stringMatching(/_operator does not see .*grant pg_monitor to .*inherit true$/),
    expect.stringMatching(/_storage does not see .*grant pg_read_all_stats to .*inherit true$/),
  ])
  await own.pool.query(`grant pg_monitor, pg_read_all_stats to ${owner} with admin option`)
  expect((await prepareAgain()).missing).toEqual([])
  await own.drop()
  for (const { role } of logins) await db.pool.query(`drop role "${role}"`)
  await db.pool.query(`drop role ${owner}`)
})
