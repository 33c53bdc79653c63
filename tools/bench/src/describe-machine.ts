import { execFile } from 'node:child_process'
import { cpus, release, type as systemType, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { databaseOf } from './database-of.ts'
import { type Lab, USERS } from './lab.ts'

const run = promisify(execFile)

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
      messageBytes: 2048,
      recipients: 1,
      traces: `${lab.traces * 100} % of messages`,
      submission: 'a stream per sender',
      sealing: 'before the timed section, except where a case says that it is inside',
      postgres,
    },
  }
}

async function postgresSettings(url: string): Promise<Record<string, string>> {
  const pool = await connectPostgres({ url, applicationName: 'bench' })
  const names = ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes']
  try {
    const { rows } = await pool.query<{ name: string; setting: string }>(
      'select name, setting from pg_settings where name = any($1) order by name',
      [names],
    )
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
  } finally {
    await pool.end()
  }
}
