import { startPostgres } from '@mailx/backends/start-postgres'
import { testPostgres } from '@mailx/testing/test-postgres'
import { expect, test } from 'vitest'
import { connectPostgres } from './connect-postgres.ts'

const connect = (url: string) => connectPostgres({ url, applicationName: 'test' })

test('a server started without fsync is refused', async () => {
  const server = await startPostgres({ own: true, durable: false, say: () => {} })
  try {
    await expect(connect(server.url)).rejects.toMatchObject({
      code: 'UNSAFE_CONFIGURATION',
      message: expect.stringMatching(/fsync = on.*full_page_writes = on.*synchronous_commit = on/),
    })
  } finally {
    await server.stop()
  }
})

test('a database that turns synchronous_commit off is refused', async () => {
  const db = await testPostgres()
  const name = new URL(db.url).pathname.slice(1)
  await db.pool.query(`alter database ${name} set synchronous_commit = off`)
  await expect(connect(db.url)).rejects.toMatchObject({ code: 'UNSAFE_CONFIGURATION' })
  await db.drop()
})

test('a server that is not there is unavailable', async () => {
  await expect(connect('postgres://nobody@127.0.0.1:1/none')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
})

test('the schema of the service comes first in the search path', async () => {
  const db = await testPostgres()
  const pool = await connectPostgres({ url: db.url, applicationName: 'test', schema: 'storage' })
  const { rows } = await pool.query('show search_path')
  expect(rows).toEqual([{ search_path: 'storage,public' }])
  await pool.end()
  await db.drop()
})
