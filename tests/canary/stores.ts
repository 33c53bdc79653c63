import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunningDeployment } from '@mailx/dev-tool/run-deployment'
import { Redis } from 'ioredis'
import type { Pool } from 'pg'
import type { Haystack } from './forms.ts'

/** All files below a folder whose path fits. */
export function* filesBelow(folder: string, fits: RegExp = /./): Generator<Haystack> {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const where = join(entry.parentPath, entry.name)
    if (entry.isFile() && fits.test(where)) yield { where, bytes: readFileSync(where) }
  }
}

/**
 * What `pg_dump` would write of a database's rows: each table, as text. Bytes are in hexadecimal; what
 * Postgres keeps compressed is unpacked.
 */
export async function* tablesOf(database: Pool, name: string): AsyncGenerator<Haystack> {
  const { rows } = await database.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`,
  )
  for (const table of rows) {
    const all = await database.query<{ row: string }>(`select t::text as row from ${table.name} t`)
    const text = all.rows.map(({ row }) => row).join('\n')
    yield { where: `${name}: table ${table.name}`, bytes: Buffer.from(text) }
  }
}

/** Folders of a Postgres server: its data, its write-ahead log, and where a database's files are. */
export async function postgresFolders(database: Pool) {
  const { rows } = await database.query<{ data: string; oid: number }>(
    `select current_setting('data_directory') as data, oid from pg_database
       where datname = current_database()`,
  )
  const [{ data, oid } = { data: '', oid: 0 }] = rows
  return { data, wal: join(data, 'pg_wal'), files: join(data, 'base', String(oid)) }
}

/** Every key and value of every database of a Redis server, then its dump as a file. */
export async function redisContent(url: string): Promise<Haystack[]> {
  const redis = new Redis(url)
  try {
    const content: Haystack[] = []
    const keyspace = await redis.info('keyspace')
    for (const [, database = ''] of keyspace.matchAll(/^db(\d+):/gm)) {
      await redis.select(Number(database))
      for (const key of await redis.keysBuffer('*')) {
        const where = `Redis ${database}: ${key.toString('latin1')}`
        content.push({ where, bytes: key })
        // The limits are counters: strings, as the caches are.
        content.push({ where, bytes: (await redis.getBuffer(key)) ?? Buffer.alloc(0) })
      }
    }
    await redis.config('SET', 'rdbcompression', 'no')
    await redis.save()
    const [, folder = ''] = (await redis.config('GET', 'dir')) as string[]
    const where = join(folder, 'dump.rdb')
    content.push({ where, bytes: readFileSync(where) })
    content.push(...filesBelow(folder, /\.log$/))
    return content
  } finally {
    redis.disconnect()
  }
}

const shownPages = [
  ['/metrics', 'text/plain'],
  ['/metrics', 'application/openmetrics-text'],
  ['/troubles', 'application/json'],
] as const

/** What each process shows at its ops port: metrics in both formats, and its last errors. */
export async function metricsOf(deployments: readonly RunningDeployment[]): Promise<Haystack[]> {
  const pages: Haystack[] = []
  for (const { processes } of deployments) {
    for (const { opsPort } of processes) {
      for (const [path, accept] of shownPages) {
        const page = await fetch(`http://127.0.0.1:${opsPort}${path}`, { headers: { accept } })
        const where = `${path} of port ${opsPort} as ${accept}`
        pages.push({ where, bytes: Buffer.from(await page.arrayBuffer()) })
      }
    }
  }
  return pages
}
