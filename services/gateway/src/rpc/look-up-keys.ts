import { MailxError } from '@mailx/errors/mailx-error'
import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { LookUpKeysRequest, LookUpKeysResponse } from '@mailx/proto/client/v1/client_service'
import type { GatewayDeps } from './gateway-deps.ts'

const MAX_ADDRESSES = 100
/** Another domain may have to be found and asked first. */
const TIMEOUT_MS = 15_000

type Deps = Pick<GatewayDeps, 'directory' | 'sessions' | 'limits'>

/** Keys of any users, for the session's user. The client verifies them. */
export const lookUpKeys = ({ directory, sessions, limits }: Deps) =>
  unary<LookUpKeysRequest, LookUpKeysResponse>(async ({ addresses, fresh }, call) => {
    const session = sessions.require(call)
    await limits.call(session)
    if (addresses.length < 1 || addresses.length > MAX_ADDRESSES) {
      throw new MailxError(
        'INVALID_ARGUMENT',
        `${addresses.length} addresses given, allowed are 1 to ${MAX_ADDRESSES}`,
      )
    }
    const { answers } = await callUnary(
      directory.lookUpKeys,
      { asker: session.address, addresses, fresh },
      { timeoutMs: TIMEOUT_MS },
    )
    return { answers }
  })
