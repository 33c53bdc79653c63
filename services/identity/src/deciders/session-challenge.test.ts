import { expect, test } from 'vitest'
import { challengeNonce, checkChallenge } from './session-challenge.ts'

const key = new Uint8Array(32).fill(1)
const challenge = {
  address: 'alice@a.test',
  deviceId: new Uint8Array(16).fill(2),
  expiresAt: 10_000,
}
const nonce = challengeNonce(challenge, new Uint8Array(16).fill(3), key)
const refused = expect.objectContaining({ code: 'UNAUTHENTICATED' })

test('a challenge is known again', () => {
  expect(() => checkChallenge(challenge, nonce, key, 9_999)).not.toThrow()
})

test('a challenge ends', () => {
  expect(() => checkChallenge(challenge, nonce, key, 10_000)).toThrow(refused)
})

test.each([
  ['another address', { ...challenge, address: 'bob@a.test' }],
  ['another device', { ...challenge, deviceId: new Uint8Array(16).fill(4) }],
  ['a longer life', { ...challenge, expiresAt: 99_999 }],
])('a nonce is worthless for %s', (_, other) => {
  expect(() => checkChallenge(other, nonce, key, 5_000)).toThrow(refused)
})

test.each([
  ['cut', nonce.slice(0, 40)],
  ['empty', new Uint8Array(0)],
  ['of another server', challengeNonce(challenge, new Uint8Array(16), new Uint8Array(32))],
])('a nonce that is %s is refused', (_, other) => {
  expect(() => checkChallenge(challenge, other, key, 5_000)).toThrow(refused)
})
