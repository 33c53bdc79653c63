import { expect, test } from 'vitest'
import { assertDurablePostgres } from './connect-postgres.ts'
import type { Sql } from './sql.ts'

const durable = {
  server_version: '18.4',
  server_version_num: '180004',
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
}
const server = (settings: Partial<typeof durable>): Sql =>
  ({
    query: async () => ({
      rows: Object.entries({ ...durable, ...settings }).map(([name, setting]) => ({
        name,
        setting,
      })),
    }),
  }) as unknown as Sql

test('a server that keeps what it commits is accepted', async () => {
  await expect(assertDurablePostgres(server({}))).resolves.toBeUndefined()
  await expect(
    assertDurablePostgres(server({ synchronous_commit: 'remote_apply' })),
  ).resolves.toBeUndefined()
})

test.each([
  [{ fsync: 'off' }, 'set fsync = on'],
  [{ full_page_writes: 'off' }, 'set full_page_writes = on'],
  [{ synchronous_commit: 'off' }, 'set synchronous_commit = on'],
  [{ server_version_num: '140012', server_version: '14.12' }, 'PostgreSQL 15 or newer'],
])('a server with %o is refused, and the message says what to set', async (unsafe, advice) => {
  await expect(assertDurablePostgres(server(unsafe))).rejects.toMatchObject({
    code: 'UNSAFE_CONFIGURATION',
    message: expect.stringContaining(advice),
  })
})

test('all problems are named at once', async () => {
  const unsafe = server({ fsync: 'off', synchronous_commit: 'off' })
  await expect(assertDurablePostgres(unsafe)).rejects.toThrow(/fsync.*synchronous_commit/)
})
