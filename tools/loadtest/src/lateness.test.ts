import { expect, test } from 'vitest'
import { lateness } from './lateness.ts'
import type { Message } from './message.ts'

const due = (...times: readonly number[]) => times.map((at) => ({ due: at }) as Message)

test('what leaves late is counted, but not of the warm-up', () => {
  const late = lateness(1_000)
  late.left(due(900), 950)
  late.left(due(1_000, 1_015), 1_020)
  late.left(due(1_100), 1_105)
  expect(late.found).toEqual({ overMs: 10, messages: 1, longestMs: 20 })
})
