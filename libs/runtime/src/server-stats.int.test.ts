import { connectRedis } from '@mailx/cache/connect'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { logMigrations, migrate } from '@mailx/event-log/migrate'
import { connectNats } from '@mailx/messaging/connect'
import { ensureStreams, streams } from '@mailx/messaging/streams'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { expect, test } from 'vitest'
import { postgresStats, redisStats, streamStats } from './server-stats.ts'

test('Postgres tells its sizes, connections, counts and clock', async () => {
  const { url } = await testPostgres()
  const pool = await connectPostgres({ url, applicationName: 'test' })
  await migrate(pool, logMigrations)
  const stats = await postgresStats(pool)
  const slot = `slot_${Math.random().toString(36).slice(2)}`
  await pool.query('select pg_create_physical_replication_slot($1, true)', [slot])
  await pool.query(`select pg_logical_emit_message(false, 'test', repeat('x', 5000000))`)
  const behind = await postgresStats(pool)
  await pool.query('select pg_drop_replication_slot($1)', [slot])
  await pool.end()
  expect(behind.walKeptBytes).toBeGreaterThan(5_000_000)
  expect(stats.databaseBytes).toBeGreaterThan(stats.eventsBytes + stats.blobsBytes)
  expect(stats.eventsBytes).toBeGreaterThan(0)
  expect(stats.connections).toBeLessThan(stats.maxConnections)
  expect(stats.committed).toBeGreaterThan(0)
  expect(stats).toMatchObject({ replicas: 0, seesReplicas: true, replicaLagBytes: undefined })
  expect(Math.abs(Date.now() - stats.now)).toBeLessThan(60_000)
})

test('NATS tells of each stream that is there, and of no other', async () => {
  const { url } = await testNats()
  const nats = await connectNats({ url, name: 'test' })
  expect(await streamStats(nats)).toEqual([])
  await ensureStreams(nats)
  const found = await streamStats(nats)
  await nats.close()
  expect(found.map(({ name }) => name)).toEqual(streams.map(({ name }) => name))
  expect(found[0]).toMatchObject({ messages: 0, bytes: 0, replicas: 1, current: 1 })
  expect(found[0]?.limitBytes).toBeGreaterThan(0)
})

test('Redis tells its memory and clients', async () => {
  const { url } = await testRedis()
  const redis = await connectRedis({ url })
  const { clients, maxClients, memoryBytes } = await redisStats(redis)
  redis.disconnect()
  expect(maxClients).toBeGreaterThan(clients)
  expect(clients).toBeGreaterThan(0)
  expect(memoryBytes).toBeGreaterThan(0)
})
