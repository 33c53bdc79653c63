import { afterEach, beforeEach, expect, test } from 'vitest'
import { rebuildProjection } from './rebuild-projection.ts'
import { eachOnce, sums, type TestRunner, testRunner } from './test-runner.ts'

let t: TestRunner

beforeEach(async () => {
  t = await testRunner()
})
afterEach(() => t.drop())

const rebuild = (projection = sums) =>
  rebuildProjection({ pool: t.pool, log: t.log, schema: 'test', projection })

test('a rebuild gives identical rows, also from damaged ones', async () => {
  const runner = await t.run()
  await t.count(1500)
  await runner.caughtUp()
  const before = await t.dump()
  await rebuild()
  expect(await t.dump()).toEqual(before)
  await t.pool.query('update test.sums set sum = 0; delete from test.entries where position > 3')
  await rebuild()
  expect(await t.dump()).toEqual(before)
  await t.count(100)
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
})

test('a rebuild while events arrive ends with the same rows as without it', async () => {
  t.startRelay()
  const runner = await t.run()
  await t.count(500)
  const arriving = t.count(1000)
  for (let i = 0; i < 3; i += 1) await rebuild()
  await arriving
  await rebuild()
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
  const after = await t.dump()
  await runner.stop()
  await rebuild()
  expect(await t.dump()).toEqual(after)
})

test('readers see the old rows until all the new ones are there', async () => {
  const runner = await t.run()
  await t.count(600)
  await runner.caughtUp()
  const before = await t.dump()
  let looks = 0
  await rebuild({
    ...sums,
    async apply(sql, events) {
      await sums.apply(sql, events)
      expect(await t.dump()).toEqual(before)
      looks += 1
    },
  })
  expect(looks).toBeGreaterThan(1)
})

test('a rebuild that breaks off leaves everything as it was', async () => {
  const runner = await t.run()
  await t.count(600)
  await runner.caughtUp()
  const before = await t.dump()
  const lost = Object.assign(new Error('connection lost'), { code: 'ECONNRESET' })
  await expect(rebuild({ ...sums, apply: () => Promise.reject(lost) })).rejects.toBe(lost)
  expect(await t.dump()).toEqual(before)
  await t.count(10)
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
})

test('a rebuild works without any running processor, and for one that never ran', async () => {
  await t.count(700)
  await rebuild()
  expect(await t.tally()).toSatisfy(eachOnce)
  const runner = await t.run()
  await t.count(50)
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
})

test('a table with a name that does not belong into a statement is refused', async () => {
  await expect(rebuild({ ...sums, tables: ['test.sums; drop schema test'] })).rejects.toThrow(
    'schema.table',
  )
})
