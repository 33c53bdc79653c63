import { parseAddress } from '@mailx/address/address'
import type { CurrentKeys } from '@mailx/crypto/current-keys'
import { newId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog } from '@mailx/event-log/event-log'
import type { Sql } from '@mailx/event-log/sql'
import { unary } from '@mailx/grpc/unary'
import { unixMs } from '@mailx/keys/unix-ms'
import type {
  OpenSessionRequest,
  OpenSessionResponse,
} from '@mailx/proto/identity/v1/identity_service'
import { sealSessionToken } from '@mailx/statement/session-token'
import { checkSession } from '../deciders/session.ts'
import { checkChallenge } from '../deciders/session-challenge.ts'
import { readUser } from '../domain-key/identity-state.ts'
import { checkCanonical } from './issue-challenge.ts'

type Deps = {
  readonly log: EventLog
  readonly sql: Sql
  readonly sessionKeys: CurrentKeys
  readonly sessionTtlMs: number
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
}

export const openSession = (deps: Deps) =>
  unary<OpenSessionRequest, OpenSessionResponse>(async (request) => {
    const { address, deviceId, nonce, signature } = request
    const { log, now, random, sessionKeys, sessionTtlMs } = deps
    checkCanonical(address, deviceId)
    const expiresAt = unixMs(request.expiresAtUnixMs, 'expires_at_unix_ms')
    const issuedAt = now()
    checkChallenge({ address, deviceId, expiresAt }, nonce, sessionKeys(), issuedAt)
    const user = await readUser(log, address, parseAddress(address).domain)
    checkSession({ address, deviceId, nonce, expiresAt, signature }, user)
    await useNonce(deps.sql, nonce, expiresAt)
    const token = {
      address,
      deviceId,
      sessionId: newId(issuedAt, random),
      issuedAt,
      expiresAt: issuedAt + sessionTtlMs,
    }
    return {
      token: sealSessionToken(token, sessionKeys()),
      expiresAtUnixMs: BigInt(token.expiresAt),
    }
  })

/** Spends the nonce. Of two requests with the same one, on whatever replicas, the second is refused. */
async function useNonce(sql: Sql, nonce: Uint8Array, expiresAt: number): Promise<void> {
  const { rowCount } = await sql.query(
    'insert into identity.used_nonces (nonce, expires_at) values ($1, $2) on conflict do nothing',
    [nonce, expiresAt],
  )
  if (rowCount === 1) return
  throw new MailxError('UNAUTHENTICATED', 'this challenge was used before; ask for a new one')
}

/** Forgets nonces whose challenge has been over for an hour: their MAC check refuses them anyway. */
export async function forgetOldNonces(sql: Sql, now: number): Promise<void> {
  await sql.query('delete from identity.used_nonces where expires_at < $1', [now - 3_600_000])
}
