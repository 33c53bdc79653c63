import { eventually } from '@mailx/testing/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { rebuildProjection } from './rebuild-projection.ts'
import { CONTEXT, sums, type TestRunner, testRunner } from './test-runner.ts'

let t: TestRunner

beforeEach(async () => {
  t = await testRunner({ [CONTEXT]: 1 })
})
afterEach(() => t.drop())

const tamper = (statement: string) =>
  t.pool.query(`set session_replication_role = replica; ${statement};
    set session_replication_role = origin`)

test.each([
  ['an event is changed', "update log.events set data = '\\x63' where position = 60", /60 is not/],
  ['an event is missing', 'delete from log.events where position = 60', /60 is missing/],
  ['the last event is missing', 'delete from log.events where position = 100', /100 is missing/],
  ['the head is another', "update log.partitions set head_hash = '\\x00'", /another hash/],
])('%s: the processor that reads it stops, loudly, and is not ready', async (_, change, reason) => {
  await t.count(100)
  await tamper(change)
  const runner = await t.run()
  await eventually(() => !runner.ready().ready)
  expect(runner.ready().reason).toMatch(reason)
  expect(runner.status()).toMatchObject([
    { status: 'stuck', reason: expect.stringMatching(reason) },
  ])
  expect(t.troubles).toContainEqual(expect.objectContaining({ code: 'CORRUPT_LOG' }))
  await expect(runner.caughtUp()).rejects.toThrow(reason)
  const { rows } = await t.pool.query('select max(position)::int as last from test.entries')
  expect(rows[0].last ?? 0).toBeLessThan(Number(reason.source.match(/\d+/) ?? 100))
})

test('a log that ends before a checkpoint, as after a restore, stops its processor', async () => {
  const first = await t.run()
  await t.count(100)
  await first.caughtUp()
  await first.stop()
  await tamper(`delete from log.events where position > 50;
    update log.partitions set head = 50,
      head_hash = (select hash from log.events where position = 50)`)
  const second = await t.run()
  await eventually(() => !second.ready().ready)
  expect(second.ready().reason).toContain('ends before it')
})

test('a rebuild refuses a broken log and leaves the rows as they are', async () => {
  const runner = await t.run()
  await t.count(100)
  await runner.caughtUp()
  const before = await t.dump()
  await tamper("update log.events set data = '\\x63' where position = 60")
  const { pool, log } = t
  await expect(
    rebuildProjection({ pool, log, schema: 'test', projection: sums }),
  ).rejects.toMatchObject({ code: 'CORRUPT_LOG' })
  expect(await t.dump()).toEqual(before)
})
