import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type {
  OpenSessionRequest,
  OpenSessionResponse,
} from '@mailx/proto/identity/v1/identity_service'
import type { GatewayDeps } from './gateway-deps.ts'

/** A session for a signed challenge. */
export const openSession = ({ identity, limits }: Pick<GatewayDeps, 'identity' | 'limits'>) =>
  unary<OpenSessionRequest, OpenSessionResponse>(async (request, call) => {
    await limits.stranger(call)
    return callUnary(identity.openSession, request)
  })
