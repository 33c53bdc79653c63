import { expect, test } from 'vitest'
import {
  checkHashes,
  checkKeywords,
  checkLimit,
  checkMailbox,
  checkMessageIds,
} from './check-request.ts'

const refusal = (message: RegExp) =>
  expect.objectContaining({
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(message),
  })

const ids = (count: number, length = 16) =>
  Array.from({ length: count }, () => new Uint8Array(length))

test('1 to 100 message ids of 16 bytes are taken', () => {
  expect(checkMessageIds(ids(1))).toHaveLength(1)
  expect(checkMessageIds(ids(100))).toHaveLength(100)
  expect(() => checkMessageIds([])).toThrow(refusal(/0 message ids given, allowed are 1 to 100/))
  expect(() => checkMessageIds(ids(101))).toThrow(refusal(/101 message ids given/))
  expect(() => checkMessageIds(ids(1, 15))).toThrow(refusal(/16 bytes/))
})

test('the hash of a blob is 32 bytes', () => {
  expect(checkHashes(ids(1, 32))).toHaveLength(1)
  expect(() => checkHashes(ids(1, 31))).toThrow(refusal(/32 bytes/))
})

test('flags are short lower-case words', () => {
  const both = { add: ['seen', '$junk', 'to.do', 'a-b_c9'], remove: ['flagged'] }
  expect(checkKeywords(both)).toEqual(both)
  for (const wrong of ['', 'Seen', 'mit space', 'ä', 'x'.repeat(33), 'a\nb', 'a\0']) {
    expect(() => checkKeywords({ add: ['seen', wrong], remove: [] })).toThrow(
      refusal(/^flag number 2 is not/),
    )
  }
})

test('at least one flag is named and at most 32', () => {
  expect(() => checkKeywords({ add: [], remove: [] })).toThrow(refusal(/0 flags given/))
  const many = Array.from({ length: 33 }, (_, index) => `f${index}`)
  expect(() => checkKeywords({ add: many, remove: [] })).toThrow(refusal(/33 flags given/))
})

test('a flag cannot be set and cleared at once', () => {
  expect(() => checkKeywords({ add: ['seen'], remove: ['seen'] })).toThrow(refusal(/flag seen/))
})

test('a flag that is named twice counts once', () => {
  expect(checkKeywords({ add: ['seen', 'seen'], remove: [] }).add).toEqual(['seen'])
})

test('a page has 1 to 1000 entries', () => {
  expect(checkLimit(1000)).toBe(1000)
  for (const limit of [0, 1001]) expect(() => checkLimit(limit)).toThrow(refusal(/1 to 1000/))
})

test('a mailbox is named by its canonical address alone', () => {
  expect(checkMailbox('bob@b.test')).toBe('bob@b.test')
  for (const wrong of ['', 'bob', 'Bob@b.test', 'bob+x@b.test', 'bob@b.test.']) {
    expect(() => checkMailbox(wrong)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^INVALID_(ADDRESS|DOMAIN)$/) }),
    )
  }
})
