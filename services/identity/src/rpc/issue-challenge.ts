import { parseAddress } from '@mailx/address/address'
import type { CurrentKeys } from '@mailx/crypto/current-keys'
import { MailxError } from '@mailx/errors/mailx-error'
import { unary } from '@mailx/grpc/unary'
import type {
  IssueChallengeRequest,
  IssueChallengeResponse,
} from '@mailx/proto/identity/v1/identity_service'
import { CHALLENGE_LIFETIME_MS, challengeNonce } from '../deciders/session-challenge.ts'

type Deps = {
  readonly sessionKeys: CurrentKeys
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
}

/** Looks nothing up: every address, known or not, is answered alike. */
export const issueChallenge = ({ now, random, sessionKeys }: Deps) =>
  unary<IssueChallengeRequest, IssueChallengeResponse>(async ({ address, deviceId }) => {
    checkCanonical(address, deviceId)
    const expiresAt = now() + CHALLENGE_LIFETIME_MS
    const nonce = challengeNonce({ address, deviceId, expiresAt }, random(16), sessionKeys())
    return { nonce, expiresAtUnixMs: BigInt(expiresAt) }
  })

/** Throws unless the address is in canonical form and the id has its length. */
export function checkCanonical(address: string, deviceId: Uint8Array): void {
  if (parseAddress(address).canonical !== address) {
    throw new MailxError('INVALID_ADDRESS', 'sign in with the plain address: lower case, no tag')
  }
  if (deviceId.length !== 16) throw new MailxError('INVALID_ARGUMENT', 'device_id has 16 bytes')
}
