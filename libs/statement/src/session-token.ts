import { isMacUnderOne, type Keys } from '@mailx/crypto/current-keys'
import { concat, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { MailxError } from '@mailx/errors/mailx-error'
import {
  SealedSessionToken,
  SessionToken as SessionTokenMessage,
} from '@mailx/proto/identity/v1/identity_service'

/** Who is signed in, on which device, until when. */
export type SessionToken = {
  readonly address: string
  readonly deviceId: Uint8Array
  readonly sessionId: Uint8Array
  readonly issuedAt: number
  readonly expiresAt: number
}

/** Tokens are short; whatever is longer is none. */
const MAX_SEALED_BYTES = 1024

/** Keeps this MAC apart from whatever else the session key may authenticate. */
const PURPOSE = utf8('mailx/v1/session-token\0')

/** The token as a client carries it: opaque to it, and unforgeable without the session key. */
export function sealSessionToken(token: SessionToken, sessionKeys: Keys): Uint8Array {
  const { address, deviceId, sessionId, issuedAt, expiresAt } = token
  const bytes = SessionTokenMessage.encode({
    address,
    deviceId,
    sessionId,
    issuedAtUnixMs: BigInt(issuedAt),
    expiresAtUnixMs: BigInt(expiresAt),
  }).finish()
  return SealedSessionToken.encode({ token: bytes, mac: macOf(bytes, sessionKeys[0]) }).finish()
}

/**
 * What a sealed token says. Throws UNAUTHENTICATED for anything that this deployment did not seal,
 * SESSION_EXPIRED when its time is over. Whether the device was revoked since is not checked here.
 */
export function openSessionToken(sealed: Uint8Array, sessionKeys: Keys, now: number): SessionToken {
  const { token, mac } = unpack(sealed)
  // The MAC comes first: not one byte of a stranger's token is decoded.
  if (!isMacUnderOne(sessionKeys, mac, (key) => macOf(token, key))) throw refusal()
  const { expiresAtUnixMs, issuedAtUnixMs, ...rest } = SessionTokenMessage.decode(token)
  const expiresAt = Number(expiresAtUnixMs)
  if (now >= expiresAt) {
    throw new MailxError('SESSION_EXPIRED', 'the session is over; open a new one')
  }
  return { ...rest, issuedAt: Number(issuedAtUnixMs), expiresAt }
}

function unpack(sealed: Uint8Array): SealedSessionToken {
  if (sealed.length === 0 || sealed.length > MAX_SEALED_BYTES) throw refusal()
  try {
    return SealedSessionToken.decode(sealed)
  } catch (cause) {
    throw refusal(cause)
  }
}

const macOf = (token: Uint8Array, sessionKey: Uint8Array): Uint8Array =>
  blake2b(concat(PURPOSE, token), { key: sessionKey })

const refusal = (cause?: unknown) =>
  new MailxError('UNAUTHENTICATED', 'this is no session token of this server; open a session', {
    cause,
  })
