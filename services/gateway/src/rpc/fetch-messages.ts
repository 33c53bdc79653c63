import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { FetchMessagesRequest } from '@mailx/proto/client/v1/client_service'
import type { FetchMessagesResponse } from '@mailx/proto/storage/v1/storage_service'
import type { GatewayDeps } from './gateway-deps.ts'

type Deps = Pick<GatewayDeps, 'storage' | 'sessions' | 'limits'>

/** Sealed messages of the own mailbox. */
export const fetchMessages = ({ storage, sessions, limits }: Deps) =>
  unary<FetchMessagesRequest, FetchMessagesResponse>(async ({ messageIds }, call) => {
    const session = sessions.require(call)
    await limits.call(session)
    return callUnary(storage.fetchMessages, { mailbox: session.address, messageIds })
  })
