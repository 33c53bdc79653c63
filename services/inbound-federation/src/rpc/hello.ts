import type { PeerChallenge } from '@mailx/federation/authorize-peer'
import type { ConnectionOf } from '@mailx/federation/peer-server'
import { unary } from '@mailx/grpc/unary'
import type { HelloRequest, HelloResponse } from '@mailx/proto/peer/v1/peer_service'

type Deps = { readonly connectionOf: ConnectionOf; readonly challenge: PeerChallenge }

export const hello = ({ challenge, connectionOf }: Deps) =>
  unary<HelloRequest, HelloResponse>(
    async (request, call) => challenge.hello(connectionOf(call), request),
    { trace: 'link' },
  )
