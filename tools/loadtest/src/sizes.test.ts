import { expect, test } from 'vitest'
import { seededRandom } from './random.ts'
import { drawSize, parseSizes } from './sizes.ts'

test.each([
  ['2k', [{ min: 2048, max: 2048, weight: 1 }]],
  ['512', [{ min: 512, max: 512, weight: 1 }]],
  ['1k..10k', [{ min: 1024, max: 10_240, weight: 1 }]],
  [
    '2k:90, 100k..1m:10',
    [
      { min: 2048, max: 2048, weight: 90 },
      { min: 102_400, max: 1_048_576, weight: 10 },
    ],
  ],
])('%s is understood', (text, sizes) => {
  expect(parseSizes(text)).toEqual(sizes)
})

test.each(['', '2q', '10k..1k', '2k:0', '2k:', '1k...2k', '2k;4k', '-1k'])(
  '"%s" is refused',
  (text) => {
    expect(parseSizes(text)).toBeUndefined()
  },
)

test('sizes are drawn by their weights, from within their ranges', () => {
  const sizes = parseSizes('100:3,1000..2000:1') ?? [{ min: 0, max: 0, weight: 0 }]
  const random = seededRandom(11)
  const drawn = Array.from({ length: 4_000 }, () => drawSize(sizes, random))
  const small = drawn.filter((size) => size === 100)
  const large = drawn.filter((size) => size >= 1000 && size <= 2000)
  expect(small.length + large.length).toBe(4_000)
  expect(small.length / large.length).toBeGreaterThan(2.5)
  expect(small.length / large.length).toBeLessThan(3.5)
})
