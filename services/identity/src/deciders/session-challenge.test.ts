import type { Keys } from '@mailx/crypto/current-keys'
import { expect, test } from 'vitest'
import { challengeNonce, checkChallenge } from './session-challenge.ts'

const keys: Keys = [new Uint8Array(32).fill(1)]
const challenge = {
  address: 'alice@a.test',
  deviceId: new Uint8Array(16).fill(2),
  expiresAt: 10_000,
}
const nonce = challengeNonce(challenge, new Uint8Array(16).fill(3), keys)
const refused = expect.objectContaining({ code: 'UNAUTHENTICATED' })

test('a challenge is known again', () => {
  expect(() => checkChallenge(challenge, nonce, keys, 9_999)).not.toThrow()
})

test('a challenge is known again while the key changes', () => {
  const other = new Uint8Array(32).fill(5)
  expect(() => checkChallenge(challenge, nonce, [other, keys[0]], 9_999)).not.toThrow()
  expect(() => checkChallenge(challenge, nonce, [other], 9_999)).toThrow(refused)
})

test('a challenge ends', () => {
  expect(() => checkChallenge(challenge, nonce, keys, 10_000)).toThrow(refused)
})

test.each([
  ['another address', { ...challenge, address: 'bob@a.test' }],
  ['another device', { ...challenge, deviceId: new Uint8Array(16).fill(4) }],
  ['a longer life', { ...challenge, expiresAt: 99_999 }],
])('a nonce is worthless for %s', (_, other) => {
  expect(() => checkChallenge(other, nonce, keys, 5_000)).toThrow(refused)
})

test.each([
  ['cut', nonce.slice(0, 40)],
  ['empty', new Uint8Array(0)],
  ['of another server', challengeNonce(challenge, new Uint8Array(16), [new Uint8Array(32)])],
])('a nonce that is %s is refused', (_, other) => {
  expect(() => checkChallenge(challenge, other, keys, 5_000)).toThrow(refused)
})
