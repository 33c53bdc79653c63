import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { eventually } from '@mailx/testing/eventually'
import { type TcpProxy, tcpProxy } from '@mailx/testing/tcp-proxy'
import type { Pool } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ProjectionRunner } from './run-projections.ts'
import { eachOnce, type TestRunner, testRunner } from './test-runner.ts'

let t: TestRunner
let proxy: TcpProxy
let pool: Pool
let runner: ProjectionRunner

beforeEach(async () => {
  t = await testRunner()
  proxy = await tcpProxy({ target: t.url })
  const url = proxy.through(t.url)
  pool = await connectPostgres({ url, applicationName: 'test' })
  runner = await t.run({ pool, log: await t.openAnother({ url }) })
  t.startRelay()
  await t.count(100)
  await runner.caughtUp()
})
afterEach(async () => {
  proxy.set('forward')
  await t.drop()
  await pool.end()
  await proxy.stop()
})

test('Postgres is out of reach for a while: processing goes on by itself, each event once', async () => {
  const flowing = t.count(400)
  proxy.set('refuse')
  proxy.cut()
  await flowing
  await eventually(() => t.troubles.length > 0)
  proxy.set('forward')
  await eventually(() => runner.caughtUp())
  expect(await t.tally()).toSatisfy(eachOnce)
  await t.count(100)
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
})

test('connections are cut again and again in the middle of transactions: each event once', async () => {
  const flowing = t.count(1000)
  for (let i = 0; i < 10; i += 1) {
    const before = runner.status().reduce((sum, { position }) => sum + position, 0n)
    proxy.cut()
    await eventually(() => {
      const now = runner.status().reduce((sum, { position }) => sum + position, 0n)
      return now > before || now === 1100n
    })
  }
  await flowing
  await eventually(() => runner.caughtUp())
  expect(await t.tally()).toSatisfy(eachOnce)
})
