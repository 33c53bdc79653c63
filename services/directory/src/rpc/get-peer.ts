import { parseDomain } from '@mailx/address/domain'
import { unary } from '@mailx/grpc/unary'
import type { GetPeerRequest, Peer } from '@mailx/proto/directory/v1/directory_service'
import type { PeerFinder } from '../peers/find-peer.ts'

export const getPeer = ({ peers }: { readonly peers: PeerFinder }) =>
  unary<GetPeerRequest, Peer>(({ domain, fresh }) => peers.find(parseDomain(domain), { fresh }))
