import { connectRedis } from '@mailx/cache/connect'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { connectNats } from '@mailx/messaging/connect'
import { eventually } from '@mailx/testing/eventually'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { expect, test } from 'vitest'
import { watchConnections } from './connection-health.ts'

test('a clock that is wrong is told by how much and what to do, and is well again when it is set', async () => {
  const { url } = await testPostgres()
  const pool = await connectPostgres({ url, applicationName: 'test' })
  const nats = await connectNats({ url: (await testNats()).url, name: 'test' })
  const redis = await connectRedis({ url: (await testRedis()).url })
  let aheadMs = 61_000
  const watch = watchConnections({ pool, nats, redis, now: () => Date.now() + aheadMs })
  const clock = () => watch.checks().find(({ name }) => name === 'clock')
  try {
    await eventually(() => expect(clock()?.detail).toMatch(/clock is 6[01] s ahead of .*NTP/))
    aheadMs = -45_000
    await eventually(() => expect(clock()?.detail).toMatch(/clock is 4[45] s behind .*NTP/))
    aheadMs = 0
    await eventually(() => expect(watch.checks().filter(({ ok }) => !ok)).toEqual([]))
  } finally {
    watch.stop()
    redis.disconnect()
    await nats.close()
    await pool.end()
  }
})
