import { expect, test } from 'vitest'
import { goesByCall } from './submit-way.ts'

test('of both domains, whose users come in turn, one sender in four goes by calls', () => {
  const byCall = Array.from({ length: 48 }, (_, user) => user).filter((user) =>
    goesByCall('both', user),
  )
  expect(byCall.filter((user) => user % 2 === 0)).toHaveLength(6)
  expect(byCall.filter((user) => user % 2 === 1)).toHaveLength(6)
})

test('else all go the same way', () => {
  expect([0, 6, 7].map((user) => goesByCall('stream', user))).toEqual([false, false, false])
  expect([0, 6, 7].map((user) => goesByCall('unary', user))).toEqual([true, true, true])
})
