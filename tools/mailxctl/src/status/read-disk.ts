import { statfs } from 'node:fs/promises'
import type { Pool } from 'pg'

/** How much Postgres holds, and how much room it has; undefined is what this role or machine cannot see. */
export type Disk = {
  readonly databaseBytes: number
  /** Of all databases that share its disk. */
  readonly tablespaceBytes: number
  /** To be seen by a role that uses pg_monitor, as prepare-database gives the operator's. */
  readonly walBytes: number | undefined
  /** Of the file system below the data; told only where Postgres runs on this machine. */
  readonly free: { readonly bytes: number; readonly ofBytes: number } | undefined
}

type Seen = {
  readonly databaseBytes: number
  readonly tablespaceBytes: number
  readonly watches: boolean
  /** The connection's two ends are one machine. */
  readonly here: boolean
}

const about = `
  select pg_database_size(d.oid)::float8 as "databaseBytes",
         pg_tablespace_size(d.dattablespace)::float8 as "tablespaceBytes",
         pg_has_role('pg_monitor', 'USAGE') as watches,
         inet_client_addr() is not distinct from inet_server_addr() as here
    from pg_database d where d.datname = current_database()`

const forMonitors = `
  select (select sum(size) from pg_ls_waldir())::float8 as "walBytes",
         current_setting('data_directory') as folder`

export async function readDisk(pool: Pool): Promise<Disk> {
  const [seen] = (await pool.query<Seen>(about)).rows
  if (seen === undefined) throw new Error('Postgres does not know this database')
  const { databaseBytes, here, tablespaceBytes, watches } = seen
  const sizes = { databaseBytes, tablespaceBytes }
  if (!watches) return { ...sizes, walBytes: undefined, free: undefined }
  const [more] = (await pool.query<{ walBytes: number; folder: string }>(forMonitors)).rows
  const free = here && more !== undefined ? await roomOf(more.folder) : undefined
  return { ...sizes, walBytes: more?.walBytes, free }
}

/** Undefined where the folder is not in this file system, as with Postgres in a container. */
async function roomOf(folder: string): Promise<Disk['free']> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder)
    return { bytes: bavail * bsize, ofBytes: blocks * bsize }
  } catch {
    return undefined
  }
}
