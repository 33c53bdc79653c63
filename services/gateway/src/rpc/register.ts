import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type {
  RegisterUserRequest,
  RegisterUserResponse,
} from '@mailx/proto/identity/v1/identity_service'
import type { GatewayDeps } from './gateway-deps.ts'

/** Claims an address; identity checks the proof of possession. */
export const register = ({ identity, limits }: Pick<GatewayDeps, 'identity' | 'limits'>) =>
  unary<RegisterUserRequest, RegisterUserResponse>(async (request, call) => {
    await limits.stranger(call)
    return callUnary(identity.registerUser, request)
  })
