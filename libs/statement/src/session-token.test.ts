import type { Keys } from '@mailx/crypto/current-keys'
import { expect, test } from 'vitest'
import { openSessionToken, type SessionToken, sealSessionToken } from './session-token.ts'

const keys: Keys = [new Uint8Array(32).fill(7)]
const token: SessionToken = {
  address: 'alice@a.test',
  deviceId: new Uint8Array(16).fill(1),
  sessionId: new Uint8Array(16).fill(2),
  issuedAt: 1_000,
  expiresAt: 9_000,
}

const code = (wanted: string) => expect.objectContaining({ code: wanted })

test('a sealed token opens to what was sealed', () => {
  const opened = openSessionToken(sealSessionToken(token, keys), keys, 8_999)
  expect({
    ...opened,
    deviceId: new Uint8Array(opened.deviceId),
    sessionId: new Uint8Array(opened.sessionId),
  }).toEqual(token)
})

test('a token ends with its session', () => {
  const sealed = sealSessionToken(token, keys)
  expect(() => openSessionToken(sealed, keys, 9_000)).toThrow(code('SESSION_EXPIRED'))
})

test('no token opens under another key', () => {
  const sealed = sealSessionToken(token, keys)
  const other: Keys = [new Uint8Array(32).fill(8)]
  expect(() => openSessionToken(sealed, other, 2_000)).toThrow(code('UNAUTHENTICATED'))
})

test('while the key changes, a token under either opens, and is sealed under the first', () => {
  const other = new Uint8Array(32).fill(8)
  const before = sealSessionToken(token, keys)
  expect(openSessionToken(before, [other, keys[0]], 2_000).address).toBe(token.address)
  const after = sealSessionToken(token, [other, keys[0]])
  expect(openSessionToken(after, [keys[0], other], 2_000).address).toBe(token.address)
  expect(() => openSessionToken(after, keys, 2_000)).toThrow(code('UNAUTHENTICATED'))
})

test('one changed bit anywhere makes a token worthless', () => {
  const sealed = sealSessionToken(token, keys)
  for (let index = 0; index < sealed.length; index += 1) {
    const forged = sealed.slice()
    forged[index] = (forged[index] ?? 0) ^ 1
    expect(() => openSessionToken(forged, keys, 2_000)).toThrow(code('UNAUTHENTICATED'))
  }
})

test.each([
  ['nothing', new Uint8Array(0)],
  ['a kilobyte of noise', new Uint8Array(2_000).fill(0xff)],
  ['a cut token', sealSessionToken(token, keys).slice(0, 40)],
  ['a token without its MAC', sealSessionToken(token, keys).slice(0, -34)],
])('%s is no token', (_, bytes) => {
  expect(() => openSessionToken(bytes, keys, 2_000)).toThrow(code('UNAUTHENTICATED'))
})
