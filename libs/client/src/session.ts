import { signingKeyPair } from '@mailx/crypto/sign'
import { MailxError } from '@mailx/errors/mailx-error'
import { signStatement } from '@mailx/statement/statement'
import type { Account } from './account.ts'
import type { CallOptions } from './transport.ts'

/** A token is renewed this long before it runs out. */
const RENEW_BEFORE_MS = 60_000

/**
 * The options that every call of a signed-in user carries. Opens a session when there is none: the
 * server's nonce, signed by this device; no password exists.
 */
export async function withSession(
  account: Account,
  options: CallOptions = {},
): Promise<CallOptions> {
  const { session, now } = account
  if (session === undefined || session.expiresAt - RENEW_BEFORE_MS < now())
    await openSession(account)
  return { ...traced(account), ...options, token: currentToken(account) }
}

/**
 * Calls with a session, and once more with a new one when the server says that it ran out, or does not
 * know it: the key that sealed it may be gone.
 */
export async function signedIn<Response>(
  account: Account,
  call: (options: CallOptions) => Promise<Response>,
  options?: CallOptions,
): Promise<Response> {
  try {
    return await call(await withSession(account, options))
  } catch (error) {
    if (!(error instanceof MailxError) || !isOver(error)) throw error
    account.session = undefined
    return call(await withSession(account, options))
  }
}

const isOver = ({ code }: MailxError): boolean =>
  code === 'SESSION_EXPIRED' || code === 'UNAUTHENTICATED'

function traced(account: Account): CallOptions {
  const traceparent = account.traceparent()
  return traceparent === '' ? {} : { traceparent }
}

async function openSession(account: Account): Promise<void> {
  const { keyring, transport } = account
  const { address, device } = keyring
  const { nonce, expiresAtUnixMs } = await transport.requestChallenge(
    { address, deviceId: device.id },
    traced(account),
  )
  const signature = signStatement(
    'session-challenge',
    { address, deviceId: device.id, nonce, expiresAt: Number(expiresAtUnixMs) },
    signingKeyPair(device.signingSeed).secretKey,
  )
  const opened = await transport.openSession(
    {
      address,
      deviceId: device.id,
      nonce,
      expiresAtUnixMs,
      signature,
    },
    traced(account),
  )
  account.session = { token: opened.token, expiresAt: Number(opened.expiresAtUnixMs) }
}

function currentToken(account: Account): Uint8Array {
  if (account.session) return account.session.token
  throw new MailxError('UNAUTHENTICATED', 'no session is open')
}
