import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type {
  IssueChallengeRequest,
  IssueChallengeResponse,
} from '@mailx/proto/identity/v1/identity_service'
import type { GatewayDeps } from './gateway-deps.ts'

/** What a device signs to open a session. */
export const requestChallenge = ({ identity, limits }: Pick<GatewayDeps, 'identity' | 'limits'>) =>
  unary<IssueChallengeRequest, IssueChallengeResponse>(async (request, call) => {
    await limits.stranger(call)
    return callUnary(identity.issueChallenge, request)
  })
