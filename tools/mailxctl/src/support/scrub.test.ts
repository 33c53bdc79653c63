import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { scrub, scrubText } from './scrub.ts'

const key = randomBytes(32)
const token = randomBytes(48).toString('base64url')
const canaries = [key.toString('hex'), key.toString('base64'), token, 'alice@a.test', 'hunter2']
const telling = {
  SESSION_KEY: 'hunter2',
  text: `alice@a.test sent ${key.toString('base64')} with ${token}`,
  list: [`postgres://mailx:hunter2@db/mailx`, key.toString('hex')],
  [key.toString('hex')]: { 'alice@a.test': 1 },
}

test('nothing of a person, and nothing that looks like a key, stays', () => {
  const left = JSON.stringify(scrub(telling))
  for (const canary of canaries) expect(left).not.toContain(canary)
  const lines = [JSON.stringify(telling), `plain: ${telling.text} ${String(telling.list)}`]
  const text = scrubText(lines.join('\n'))
  for (const canary of canaries) expect(text).not.toContain(canary)
  expect(text.split('\n')).toHaveLength(2)
})

test('what helps to find a fault stays: ids, codes, numbers, times', () => {
  const useful = {
    trace_id: '0af7651916cd43dd8448eb211c80319c',
    message: '018f3c5e-7a1b-7c2d-8e3f-0123456789ab',
    code: 'UNAVAILABLE',
    behind: 3,
    at: '2026-11-23T06:00:00.000Z',
  }
  expect(scrub(useful)).toEqual(useful)
})
