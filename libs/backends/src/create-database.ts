import { Client } from 'pg'

/**
 * Makes an empty database on the server of `url`, which is a superuser's way into another one of its
 * databases, and returns the URL of the new one. One that is there already is left as it is.
 */
export async function createDatabase(url: string, name: string): Promise<string> {
  await asSuperuser(url, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) {
      // template0 has no sessions that could be in the way.
      await client.query(`create database ${client.escapeIdentifier(name)} template template0`)
    }
  })
  const made = new URL(url)
  made.pathname = `/${name}`
  return made.href
}

/** Removes a database and ends whatever is connected to it. */
export const dropDatabase = (url: string, name: string): Promise<void> =>
  asSuperuser(url, async (client) => {
    await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`)
  })

async function asSuperuser(url: string, work: (client: Client) => Promise<void>) {
  const client = new Client({
    connectionString: url,
    application_name: 'mailx-backends',
    connectionTimeoutMillis: 10_000,
  })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
