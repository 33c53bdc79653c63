import { expect, test } from 'vitest'
import { partitionIndex } from './partition-of.ts'

test('a key always lies in the same partition', () => {
  expect(partitionIndex('alice@a.test', 8)).toBe(0)
  expect(partitionIndex('bob@b.test', 8)).toBe(5)
  expect(partitionIndex('anybody', 1)).toBe(0)
})

test('keys spread evenly', () => {
  const counts = [0, 0, 0, 0, 0, 0, 0, 0]
  for (let i = 0; i < 8000; i += 1) {
    const index = partitionIndex(`user${i}@a.test`, 8)
    counts[index] = (counts[index] ?? 0) + 1
  }
  expect(Math.min(...counts)).toBeGreaterThan(800)
  expect(Math.max(...counts)).toBeLessThan(1200)
})
