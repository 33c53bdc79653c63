import { MailboxCursor } from '@mailx/proto/storage/v1/storage_service'
import { expect, test } from 'vitest'
import { decodeCursor, encodeCursor } from './cursor.ts'

const encode = (positions: { partition: string; position: bigint }[]) =>
  MailboxCursor.encode({ positions }).finish()

const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' })

test('the beginning is an empty cursor', () => {
  expect(decodeCursor(new Uint8Array(0)).size).toBe(0)
  expect(encodeCursor(new Map())).toHaveLength(0)
})

test('a place comes back as it was given out, whatever order it was built in', () => {
  const place = new Map([
    ['submission-1', 7n],
    ['mailbox-0', 3n],
  ])
  const other = new Map([...place].toReversed())
  expect(decodeCursor(encodeCursor(place))).toEqual(place)
  expect(encodeCursor(other)).toEqual(encodeCursor(place))
})

test('bytes that are no cursor are refused', () => {
  expect(() => decodeCursor(Uint8Array.of(0xff, 0xff, 0xff))).toThrow(refused)
  expect(() => decodeCursor(new Uint8Array(20_000))).toThrow(refused)
})

test('a cursor that names a partition twice, or a place before the first, is refused', () => {
  const once = { partition: 'submission-0', position: 1n }
  expect(() => decodeCursor(encode([once, once]))).toThrow(refused)
  expect(() => decodeCursor(encode([{ ...once, position: -1n }]))).toThrow(refused)
  expect(() => decodeCursor(encode([{ ...once, partition: '' }]))).toThrow(refused)
})
