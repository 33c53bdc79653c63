import { readFileSync } from 'node:fs'
import { followTls } from '@mailx/config/follow-tls'
import { MailxError } from '@mailx/errors/mailx-error'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { type EventLog } from '@mailx/event-log/event-log'
import { openEventLog } from '@mailx/event-log/open-log'
import { withPassword } from '@mailx/event-log/with-password'
import type { Pool } from 'pg'

export type Database = { readonly pool: Pool; readonly log: EventLog }

/** As the services have it: each in its variable, or in the file that NAME_FILE names. */
function urlOf(env: NodeJS.ProcessEnv): string | undefined {
  const valueOf = (name: string) => {
    const file = env[`${name}_FILE`]
    return env[name] || !file ? env[name] || undefined : readFileSync(file, 'utf8').trim()
  }
  const url = valueOf('DATABASE_URL')
  return url === undefined ? undefined : withPassword(url, valueOf('DATABASE_PASSWORD'))
}

/** Opens a deployment's database, the one of DATABASE_URL, for as long as `work` runs. */
export async function withDatabase<Result>(
  work: (database: Database) => Promise<Result>,
  url: string | undefined = urlOf(process.env),
): Promise<Result> {
  if (!url) {
    throw new MailxError(
      'UNSAFE_CONFIGURATION',
      'DATABASE_URL is not set: write postgres://user:password@host:5432/database',
    )
  }
  const { DATABASE_CA_FILE: ca, DATABASE_CERT_FILE: cert, DATABASE_KEY_FILE: key } = process.env
  const tls = followTls('DATABASE', { ca, cert, key }, () => {})
  const safe = tls === undefined ? {} : { tls }
  const pool = await connectPostgres({ url, applicationName: 'mailxctl', ...safe })
  try {
    const { rows } = await pool.query<{ there: boolean }>(
      `select to_regclass('log.partitions') is not null as there`,
    )
    if (rows[0]?.there !== true) {
      throw new MailxError(
        'NOT_FOUND',
        'there is no MailX log in this database; start a service once',
      )
    }
    const log = await openEventLog({ pool })
    try {
      return await work({ pool, log })
    } finally {
      await log.close()
    }
  } finally {
    await pool.end()
  }
}

/** The domains that a deployment hosts, by its own log. */
export async function hostedDomains({ pool, log }: Database): Promise<string[]> {
  const { rows } = await pool.query<{ domain: string }>(
    `select distinct substr(stream, length('domain/') + 1) as domain from log.events
       where partition = any($1) and stream >= 'domain/' and stream < 'domain0' order by 1`,
    [log.partitionsOf('identity')],
  )
  return rows.map(({ domain }) => domain)
}

/** The schemas of services: those that keep checkpoints. */
export async function serviceSchemas(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ schema: string }>(
    `select table_schema as schema from information_schema.tables
       where table_name = 'checkpoints' order by 1`,
  )
  return rows.map(({ schema }) => schema)
}
