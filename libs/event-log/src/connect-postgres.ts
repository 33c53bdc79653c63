import type { SecureContext } from 'node:tls'
import { lastGood } from '@mailx/config/last-good'
import { MailxError } from '@mailx/errors/mailx-error'
import { Pool } from 'pg'
import { fromPostgresError } from './postgres-error.ts'
import { type PostgresTarget, postgresTarget } from './postgres-tls.ts'
import type { Sql } from './sql.ts'

export type PostgresOptions = {
  /** A function is asked for each connection: its password may change. */
  readonly url: string | (() => string)
  /** Asked for each connection, which is by TLS then. */
  readonly tls?: () => SecureContext
  /** Told when a URL came that cannot be used, so that the last one stays, and when that is over. */
  readonly onUrlTrouble?: (trouble: string | undefined) => void
  /** First in the search path: the schema of the service. */
  readonly schema?: string
  readonly applicationName: string
  /** Connections at most. */
  readonly max?: number
  /** Told when an idle connection breaks; the pool replaces it by itself. */
  readonly onConnectionLost?: (error: Error) => void
}

const MINIMUM_VERSION = 150_000

/** Settings without which a committed event can be lost at a power cut. */
const DURABLE = {
  fsync: ['on'],
  full_page_writes: ['on'],
  synchronous_commit: ['on', 'remote_apply', 'remote_write', 'local'],
} as const

/**
 * A pool of connections to a server that answers and keeps what it commits. UNAVAILABLE when it
 * cannot be reached, or not safely where TLS is asked for; INVALID_ARGUMENT for a URL that contradicts
 * that; UNSAFE_CONFIGURATION when it may lose commits.
 */
export async function connectPostgres(options: PostgresOptions): Promise<Pool> {
  const { schema, applicationName, max = 10, onConnectionLost } = options
  const access = accessOf(options)
  const pool = new Pool({
    application_name: applicationName,
    max,
    keepAlive: true,
    connectionTimeoutMillis: 5000,
    // A process that stands still inside a transaction must not hold up all others.
    idle_in_transaction_session_timeout: 10_000,
    ...(schema === undefined ? {} : { options: `-c search_path=${schema},public` }),
  })
  Object.defineProperties(pool.options, access)
  pool.on('error', (error) => onConnectionLost?.(error))
  // A connection that breaks between two queries of a transaction fails the next one; but without a
  // listener of its own it would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  try {
    await assertDurablePostgres(pool)
  } catch (error) {
    await pool.end()
    throw error
  }
  return pool
}

/**
 * What pg reads from the pool's options when it makes a connection, also one beside the pool. It does
 * so where an error would end the process: all that can be wrong at the first look is thrown here, and
 * later looks keep to what was good.
 */
function accessOf({ onUrlTrouble = () => {}, tls, url }: PostgresOptions): PropertyDescriptorMap {
  const newest = typeof url === 'string' ? () => url : url
  const target = lastGood<PostgresTarget>({
    read: () => postgresTarget(newest(), tls !== undefined),
    onTrouble: onUrlTrouble,
  })
  target()
  tls?.()
  const verified = {
    rejectUnauthorized: true,
    get secureContext() {
      return tls?.()
    },
  }
  const enumerable = true
  return {
    connectionString: { enumerable, get: () => target().url },
    ssl: { enumerable, get: () => (target().tls ? verified : target().tls) },
  }
}

/** Throws UNSAFE_CONFIGURATION, naming every setting to change, when the server may lose commits. */
export async function assertDurablePostgres(sql: Sql): Promise<void> {
  const settings = await readSettings(sql)
  const problems: string[] = []
  if (Number(settings.get('server_version_num')) < MINIMUM_VERSION) {
    problems.push(`PostgreSQL 15 or newer is needed, this is ${settings.get('server_version')}`)
  }
  for (const [name, safe] of Object.entries(DURABLE)) {
    const value = settings.get(name) ?? 'unknown'
    if (!(safe as readonly string[]).includes(value)) {
      problems.push(`set ${name} = on (it is ${value})`)
    }
  }
  if (problems.length > 0) {
    throw new MailxError(
      'UNSAFE_CONFIGURATION',
      `Postgres would lose accepted mail at a power cut: ${problems.join('; ')}`,
    )
  }
}

async function readSettings(sql: Sql): Promise<Map<string, string>> {
  const names = ['server_version', 'server_version_num', ...Object.keys(DURABLE)]
  try {
    const { rows } = await sql.query<{ name: string; setting: string }>(
      'select name, setting from pg_settings where name = any($1)',
      [names],
    )
    return new Map(rows.map(({ name, setting }) => [name, setting]))
  } catch (error) {
    throw fromPostgresError(error)
  }
}
