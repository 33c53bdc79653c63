import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { DeleteMessagesRequest } from '@mailx/proto/client/v1/client_service'
import type { DeleteMessagesResponse } from '@mailx/proto/storage/v1/storage_service'
import type { GatewayDeps } from './gateway-deps.ts'

type Deps = Pick<GatewayDeps, 'storage' | 'sessions' | 'limits'>

/** Deletes own messages. Answers when the next list shows it. */
export const deleteMessages = ({ storage, sessions, limits }: Deps) =>
  unary<DeleteMessagesRequest, DeleteMessagesResponse>(async ({ messageIds }, call) => {
    const session = sessions.require(call)
    await limits.call(session)
    return callUnary(storage.deleteMessages, { mailbox: session.address, messageIds })
  })
