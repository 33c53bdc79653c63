import { expect, test } from 'vitest'
import { checkSession, LONGEST_SESSION_MS } from './session.ts'

const session = { issuedAt: 1000, expiresAt: 5000 }
const refusal = (code: string) => expect.objectContaining({ code })

test('a session goes on until its time is over', () => {
  expect(() => checkSession(session, undefined, 4999)).not.toThrow()
  expect(() => checkSession(session, undefined, 5000)).toThrow(refusal('SESSION_EXPIRED'))
})

test('a device that is in the newest list goes on, one that is not ends', () => {
  expect(() => checkSession(session, true, 2000)).not.toThrow()
  expect(() => checkSession(session, false, 2000)).toThrow(refusal('DEVICE_REVOKED'))
})

test('a session that outlives what the gateway remembers of device lists is refused', () => {
  const endless = { issuedAt: 0, expiresAt: LONGEST_SESSION_MS + 1 }
  expect(() => checkSession(endless, undefined, 1)).toThrow(refusal('UNAUTHENTICATED'))
})
