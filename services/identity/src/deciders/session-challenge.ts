import { isMacUnderOne, type Keys } from '@mailx/crypto/current-keys'
import { concat, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { MailxError } from '@mailx/errors/mailx-error'
import { encodeFields } from '@mailx/statement/statement'

const SALT_BYTES = 16

/** How long a device has to sign. */
export const CHALLENGE_LIFETIME_MS = 2 * 60 * 1000

export type Challenge = {
  readonly address: string
  readonly deviceId: Uint8Array
  readonly expiresAt: number
}

/**
 * A nonce that needs no memory: random bytes and a MAC over them and what the challenge is for. Made
 * without looking at users, so it tells nobody who exists.
 */
export const challengeNonce = (
  challenge: Challenge,
  salt: Uint8Array,
  sessionKeys: Keys,
): Uint8Array => concat(salt, macOf(challenge, salt, sessionKeys[0]))

/** Throws UNAUTHENTICATED unless this deployment made the nonce for this challenge, lately. */
export function checkChallenge(
  challenge: Challenge,
  nonce: Uint8Array,
  sessionKeys: Keys,
  now: number,
): void {
  const [salt, mac] = [nonce.subarray(0, SALT_BYTES), nonce.subarray(SALT_BYTES)]
  const ours = isMacUnderOne(sessionKeys, mac, (key) => macOf(challenge, salt, key))
  if (!ours) throw refusal('this challenge is not of this server; ask for a new one')
  if (now >= challenge.expiresAt) throw refusal('the challenge has expired; ask for a new one')
}

function macOf(challenge: Challenge, salt: Uint8Array, sessionKey: Uint8Array): Uint8Array {
  const { address, deviceId, expiresAt } = challenge
  const fields = encodeFields('challenge-nonce', [address, deviceId, expiresAt, salt])
  const key = blake2b(utf8('mailx/v1/challenge-nonce'), { key: sessionKey })
  return blake2b(fields, { key })
}

const refusal = (what: string) => new MailxError('UNAUTHENTICATED', what)
