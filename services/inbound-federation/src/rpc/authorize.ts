import type { PeerChallenge } from '@mailx/federation/authorize-peer'
import type { ConnectionOf } from '@mailx/federation/peer-server'
import { unary } from '@mailx/grpc/unary'
import type { AuthorizeRequest, AuthorizeResponse } from '@mailx/proto/peer/v1/peer_service'

type Deps = { readonly connectionOf: ConnectionOf; readonly challenge: PeerChallenge }

export const authorize = ({ challenge, connectionOf }: Deps) =>
  unary<AuthorizeRequest, AuthorizeResponse>(
    async (request, call) => challenge.authorize(connectionOf(call), request),
    { trace: 'link' },
  )
