import { expect, test } from 'vitest'
import { openSessionToken, type SessionToken, sealSessionToken } from './session-token.ts'

const key = new Uint8Array(32).fill(7)
const token: SessionToken = {
  address: 'alice@a.test',
  deviceId: new Uint8Array(16).fill(1),
  sessionId: new Uint8Array(16).fill(2),
  issuedAt: 1_000,
  expiresAt: 9_000,
}

const code = (wanted: string) => expect.objectContaining({ code: wanted })

test('a sealed token opens to what was sealed', () => {
  const opened = openSessionToken(sealSessionToken(token, key), key, 8_999)
  expect({
    ...opened,
    deviceId: new Uint8Array(opened.deviceId),
    sessionId: new Uint8Array(opened.sessionId),
  }).toEqual(token)
})

test('a token ends with its session', () => {
  const sealed = sealSessionToken(token, key)
  expect(() => openSessionToken(sealed, key, 9_000)).toThrow(code('SESSION_EXPIRED'))
})

test('no token opens under another key', () => {
  const sealed = sealSessionToken(token, key)
  const other = new Uint8Array(32).fill(8)
  expect(() => openSessionToken(sealed, other, 2_000)).toThrow(code('UNAUTHENTICATED'))
})

test('one changed bit anywhere makes a token worthless', () => {
  const sealed = sealSessionToken(token, key)
  for (let index = 0; index < sealed.length; index += 1) {
    const forged = sealed.slice()
    forged[index] = (forged[index] ?? 0) ^ 1
    expect(() => openSessionToken(forged, key, 2_000)).toThrow(code('UNAUTHENTICATED'))
  }
})

test.each([
  ['nothing', new Uint8Array(0)],
  ['a kilobyte of noise', new Uint8Array(2_000).fill(0xff)],
  ['a cut token', sealSessionToken(token, key).slice(0, 40)],
  ['a token without its MAC', sealSessionToken(token, key).slice(0, -34)],
])('%s is no token', (_, bytes) => {
  expect(() => openSessionToken(bytes, key, 2_000)).toThrow(code('UNAUTHENTICATED'))
})
