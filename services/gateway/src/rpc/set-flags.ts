import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { SetFlagsRequest } from '@mailx/proto/client/v1/client_service'
import type { SetFlagsResponse } from '@mailx/proto/storage/v1/storage_service'
import type { GatewayDeps } from './gateway-deps.ts'

type Deps = Pick<GatewayDeps, 'storage' | 'sessions' | 'limits'>

/** Flags of own messages. Answers when the next list shows them. */
export const setFlags = ({ storage, sessions, limits }: Deps) =>
  unary<SetFlagsRequest, SetFlagsResponse>(async ({ messageIds, add, remove }, call) => {
    const session = sessions.require(call)
    await limits.call(session)
    return callUnary(storage.setFlags, { mailbox: session.address, messageIds, add, remove })
  })
