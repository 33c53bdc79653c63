import { expect, test } from 'vitest'
import { editDistance, nearestName } from './nearest-name.ts'

test.each([
  ['DATABASE', 'DATABASE', 0],
  ['DATABASE', 'DATABSE', 1],
  ['DATABASE', 'DATBAASE', 1],
  ['BUS_KEY', 'BUS_KEYS', 1],
  ['INBOUND', 'OUTBOUND', 3],
  ['', 'ABC', 3],
])('%s and %s are %d slips apart', (left, right, slips) => {
  expect(editDistance(left, right)).toBe(slips)
  expect(editDistance(right, left)).toBe(slips)
})

test('short names are never guessed and two slips are allowed only in long ones', () => {
  expect(nearestName('PORT', ['POST'])).toBeUndefined()
  expect(nearestName('BUS_KYES', ['BUS_KEY'])).toBeUndefined()
  expect(nearestName('DATABAS_ULR', ['NATS_URL', 'DATABASE_URL'])).toBe('DATABASE_URL')
})
