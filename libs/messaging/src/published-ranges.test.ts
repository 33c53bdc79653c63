import { expect, test } from 'vitest'
import { publishedRanges } from './published-ranges.ts'

const range = (first: number, last: number) => ({ first: BigInt(first), last: BigInt(last) })

test('ranges that touch or overlap become one, in whatever order they come', () => {
  const ranges = publishedRanges()
  ranges.add('p', range(7, 9))
  ranges.add('p', range(1, 3))
  ranges.add('p', range(2, 6))
  expect(ranges.lowest()).toEqual([{ partition: 'p', ...range(1, 9) }])
})

test('only the lowest range of a partition can move the mark', () => {
  const ranges = publishedRanges()
  ranges.add('p', range(5, 6))
  ranges.add('p', range(1, 2))
  ranges.add('q', range(4, 4))
  expect(ranges.lowest()).toEqual([
    { partition: 'p', ...range(1, 2) },
    { partition: 'q', ...range(4, 4) },
  ])
})

test('what is marked is forgotten, what lies beyond is kept', () => {
  const ranges = publishedRanges()
  ranges.add('p', range(1, 2))
  ranges.add('p', range(5, 6))
  ranges.forget('p', 3n)
  expect(ranges.lowest()).toEqual([{ partition: 'p', ...range(5, 6) }])
  ranges.forget('p', 6n)
  expect(ranges.lowest()).toEqual([])
})

test('a gap that is never closed does not fill the memory', () => {
  const ranges = publishedRanges()
  for (let i = 0; i < 5000; i += 1) ranges.add('p', range(3 * i + 2, 3 * i + 2))
  let kept = 0
  for (let lowest = ranges.lowest(); lowest[0]; lowest = ranges.lowest()) {
    ranges.forget('p', lowest[0].last)
    kept += 1
  }
  expect(kept).toBe(1000)
})
