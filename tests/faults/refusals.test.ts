import { expect, test } from 'vitest'
import { unexplained } from './refusals.ts'

const faults = [
  { began: 10, mayRefuse: false },
  { began: 20, mayRefuse: true },
  { began: 30, mayRefuse: false },
]
const refusals = (...times: readonly number[]) => times.map((at) => ({ at, code: 'EXPIRED' }))

test('only a fault that may refuse explains a refusal, and only while it is the last one', () => {
  expect(unexplained(refusals(20, 25, 29), faults)).toEqual({})
  expect(unexplained(refusals(5, 15, 25, 30), faults)).toEqual({ EXPIRED: 3 })
})
