import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { eventually } from '@mailx/testing/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ProjectionRunner } from './run-projections.ts'
import { CONTEXT, eachOnce, type TestRunner, testRunner } from './test-runner.ts'

let t: TestRunner

beforeEach(async () => {
  t = await testRunner({ [CONTEXT]: 4 })
  t.startRelay()
})
afterEach(() => t.drop())

const owned = (runner: ProjectionRunner) =>
  runner.status().filter(({ status }) => status === 'running').length

test('the first replica takes everything, a second one gets half', async () => {
  const first = await t.run()
  await eventually(() => owned(first) === 4)
  const second = await t.run()
  await eventually(() => owned(first) === 2 && owned(second) === 2)
  await t.count(400)
  await Promise.all([first.caughtUp(), second.caughtUp()])
  expect(await t.tally()).toSatisfy(eachOnce)
})

test('a replica that stops gives its partitions to the other while events flow', async () => {
  const first = await t.run()
  const second = await t.run()
  await eventually(() => owned(first) === 2 && owned(second) === 2)
  const flowing = t.count(1000)
  await first.stop()
  await flowing
  await eventually(() => owned(second) === 4)
  await second.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
})

test('a replica that is killed is replaced while events flow', async () => {
  const script = fileURLToPath(new URL('./replica.fixture.ts', import.meta.url))
  const child = fork(script, [t.url, t.natsUrl])
  const survivor = await t.run()
  await eventually(() => owned(survivor) === 2)
  const flowing = t.count(1000)
  child.kill('SIGKILL')
  await flowing
  await eventually(() => owned(survivor) === 4)
  await survivor.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
})

test('the connection that holds the locks is cut: the replica takes them again', async () => {
  const runner = await t.run()
  await eventually(() => owned(runner) === 4)
  const flowing = t.count(500)
  await t.pool.query(
    `select pg_terminate_backend(pid) from pg_locks
       where locktype = 'advisory' and mode = 'ShareLock'`,
  )
  await flowing
  await eventually(() => owned(runner) === 4)
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
})

test('two replicas that both believe to own a partition do not apply anything twice', async () => {
  // Of different services, so that they do not share: what is left is the checkpoint.
  const runners = await Promise.all([t.run({ service: 'one' }), t.run({ service: 'two' })])
  await t.count(600)
  await Promise.all(runners.map((runner) => runner.caughtUp()))
  expect(await t.tally()).toSatisfy(eachOnce)
})
