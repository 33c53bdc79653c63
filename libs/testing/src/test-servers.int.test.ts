import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { testNats } from './test-nats.ts'
import { testPostgres } from './test-postgres.ts'
import { testRedis } from './test-redis.ts'
import { takeNumber, testServers } from './test-servers.ts'

test('each database is empty, durable, and nobody else’s', async () => {
  const [one, two] = await Promise.all([testPostgres(), testPostgres()])
  await one.pool.query('create table mine (n int)')
  const { rows } = await two.pool.query(`select to_regclass('mine') as mine,
    current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`)
  expect(rows).toEqual([{ mine: null, fsync: 'on', commit: 'on' }])
  await Promise.all([one.drop(), two.drop()])
})

test('each NATS account is handed out once', async () => {
  const [one, two] = await Promise.all([testNats(), testNats()])
  expect(one.url).not.toBe(two.url)
  await Promise.all([one.drop(), two.drop()])
})

test('each Redis database is empty and nobody else’s', async () => {
  const [one, two] = await Promise.all([testRedis(), testRedis()])
  const [first, second] = [new Redis(one.url), new Redis(two.url)]
  await first.set('key', 'value')
  expect(await second.get('key')).toBeNull()
  first.disconnect()
  second.disconnect()
  await Promise.all([one.drop(), two.drop()])
})

test('a number is given once', () => {
  const { counters } = testServers()
  const numbers = Array.from({ length: 5 }, () => takeNumber(counters, 'test'))
  expect(new Set(numbers).size).toBe(5)
})
