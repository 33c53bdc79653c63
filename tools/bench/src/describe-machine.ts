import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { cpus, release, type as systemType, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { SEGMENTS } from './aged-wal.ts'
import { databaseOf } from './database-of.ts'
import { CONNECTIONS, type Lab, USERS } from './lab.ts'

const run = promisify(execFile)

/** Settings of Postgres that shape the figures. */
const shaping = [
  'server_version',
  'autovacuum',
  'checkpoint_timeout',
  'fsync',
  'full_page_writes',
  'jit',
  'max_connections',
  'max_wal_size',
  'min_wal_size',
  'shared_buffers',
  'synchronous_commit',
  'wal_buffers',
  'wal_compression',
]

/** What the figures were measured on, and with what. */
export async function describeMachine(lab: Lab) {
  const { servers } = lab.stack
  const postgres = await postgresSettings(databaseOf(lab, 0))
  const commit = await run('git', ['rev-parse', '--short', 'HEAD']).catch(() => undefined)
  return {
    machine: {
      cpus: cpus().length,
      model: cpus()[0]?.model.trim() ?? 'unknown',
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${systemType()} ${release().split('-', 1)[0]}`,
    },
    versions: {
      commit: commit?.stdout.trim() ?? 'unknown',
      node: process.version,
      postgres: postgres['server_version'],
      ...Object.fromEntries(
        Object.entries(servers)
          .filter(([name]) => name !== 'Postgres')
          .map(([name, { source }]) => [name, source]),
      ),
    },
    settings: {
      processes: 'one for each of the two domains, one of each server, one that makes the load',
      users: USERS,
      connections: `one for each user, up to ${CONNECTIONS} a domain`,
      partitionsPerContext: await partitionsPerContext(databaseOf(lab, 0)),
      nodeFlags: await nodeFlags(lab),
      messageBytes: 2048,
      recipients: 1,
      traces: `${lab.traces * 100} % of messages`,
      submission: 'a stream per sender',
      sealing: 'before the timed section, except where a case says that it is inside',
      postgres,
      wal: `${SEGMENTS} segments made before, as a server has that has run for a while; a checkpoint before each load`,
    },
  }
}

async function postgresSettings(url: string): Promise<Record<string, string>> {
  const pool = await connectPostgres({ url, applicationName: 'bench' })
  try {
    const { rows } = await pool.query<{ name: string; setting: string }>(
      'select name, current_setting(name) as setting from pg_settings where name = any($1) order by name',
      [shaping],
    )
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
  } finally {
    await pool.end()
  }
}

async function partitionsPerContext(url: string): Promise<number> {
  const pool = await connectPostgres({ url, applicationName: 'bench' })
  try {
    const { rows } = await pool.query<{ count: number }>(
      "select count(*)::int as count from log.partitions where context = 'submission'",
    )
    return rows[0]?.count ?? 0
  } finally {
    await pool.end()
  }
}

/** With which the first service runs, as all do; unknown where there is no /proc. */
async function nodeFlags({ stack }: Lab): Promise<string> {
  const pid = stack.deployments[0]?.processes[0]?.process.pid
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
  const flags = text?.split('\0').filter((word) => word.startsWith('--'))
  return flags?.join(' ') ?? 'unknown'
}
