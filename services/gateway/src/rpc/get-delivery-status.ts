import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { GetDeliveryStatusRequest } from '@mailx/proto/client/v1/client_service'
import type { GetDeliveryStatusResponse } from '@mailx/proto/storage/v1/storage_service'
import type { GatewayDeps } from './gateway-deps.ts'

type Deps = Pick<GatewayDeps, 'storage' | 'sessions' | 'limits'>

/** What became of messages that the session’s user sent. */
export const getDeliveryStatus = ({ storage, sessions, limits }: Deps) =>
  unary<GetDeliveryStatusRequest, GetDeliveryStatusResponse>(async ({ messageIds }, call) => {
    const session = sessions.require(call)
    await limits.call(session)
    return callUnary(storage.getDeliveryStatus, { sender: session.address, messageIds })
  })
