import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { ListMessagesRequest } from '@mailx/proto/client/v1/client_service'
import type { ListMessagesResponse } from '@mailx/proto/storage/v1/storage_service'
import type { GatewayDeps } from './gateway-deps.ts'

type Deps = Pick<GatewayDeps, 'storage' | 'sessions' | 'limits'>

/** What changed in the own mailbox after the cursor. */
export const listMessages = ({ storage, sessions, limits }: Deps) =>
  unary<ListMessagesRequest, ListMessagesResponse>(async ({ cursor, limit }, call) => {
    const session = sessions.require(call)
    await limits.call(session)
    return callUnary(storage.listMessages, { mailbox: session.address, cursor, limit })
  })
