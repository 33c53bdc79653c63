import { expect, test, vi } from 'vitest'
import { undecided } from './undecided.ts'

const refusal = expect.objectContaining({
  code: 'RESOURCE_EXHAUSTED',
  retryAfterMs: expect.any(Number),
})

/** Streams that wait for room, and who of them got it. */
function waiters(budget: ReturnType<typeof undecided>, count: number, bring: number) {
  const came: number[] = []
  for (let one = 0; one < count; one++) {
    void budget.room()?.then(() => {
      came.push(one)
      budget.add(bring)
    })
  }
  return came
}

test('a call is refused while the budget is used up, and told when to come back', () => {
  const budget = undecided(100)
  budget.add(99)
  expect(() => budget.check()).not.toThrow()
  budget.add(50)
  expect(() => budget.check()).toThrow(refusal)
  budget.remove(99)
  expect(() => budget.check()).not.toThrow()
})

test('a stream does not wait while there is room', () => {
  expect(undecided(100).room()).toBeUndefined()
})

test('streams that wait are let in one by one, in order, until the budget is used up again', async () => {
  const budget = undecided(100)
  budget.add(100)
  const came = waiters(budget, 10, 40)
  await new Promise(setImmediate)
  expect(came).toEqual([])
  budget.remove(100)
  await vi.waitUntil(() => came.length === 3)
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  expect(came).toEqual([0, 1, 2])
  budget.remove(120)
  await vi.waitUntil(() => came.length === 6)
})

test('whoever is let in and brings nothing keeps nobody waiting', async () => {
  const budget = undecided(100)
  budget.add(100)
  const came = waiters(budget, 50, 0)
  budget.remove(1)
  await vi.waitUntil(() => came.length === 50)
  expect(budget.room()).toBeUndefined()
})
