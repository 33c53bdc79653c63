import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { FetchBlobsRequest } from '@mailx/proto/client/v1/client_service'
import type { FetchBlobsResponse } from '@mailx/proto/storage/v1/storage_service'
import type { GatewayDeps } from './gateway-deps.ts'

type Deps = Pick<GatewayDeps, 'storage' | 'sessions' | 'limits'>

/** Parts of attachments that messages of the own mailbox name. */
export const fetchBlobs = ({ storage, sessions, limits }: Deps) =>
  unary<FetchBlobsRequest, FetchBlobsResponse>(async ({ hashes }, call) => {
    const session = sessions.require(call)
    await limits.call(session)
    return callUnary(storage.fetchBlobs, { mailbox: session.address, hashes })
  })
