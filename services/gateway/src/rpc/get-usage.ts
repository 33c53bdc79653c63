import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { GetUsageRequest } from '@mailx/proto/client/v1/client_service'
import type { GetUsageResponse } from '@mailx/proto/storage/v1/storage_service'
import type { GatewayDeps } from './gateway-deps.ts'

type Deps = Pick<GatewayDeps, 'storage' | 'sessions' | 'limits'>

/** What the own mailbox holds and may hold. */
export const getUsage = ({ storage, sessions, limits }: Deps) =>
  unary<GetUsageRequest, GetUsageResponse>(async (_request, call) => {
    const session = sessions.require(call)
    await limits.call(session)
    return callUnary(storage.getUsage, { mailbox: session.address })
  })
