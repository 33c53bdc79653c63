import { parseDomain } from '@mailx/address/domain'
import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog } from '@mailx/event-log/event-log'
import { handleCommand } from '@mailx/event-log/handle-command'
import { directoryEvents } from '@mailx/events/directory'
import { unary } from '@mailx/grpc/unary'
import type { PinPeerRequest, PinPeerResponse } from '@mailx/proto/directory/v1/directory_service'
import { peer } from '../deciders/peer.ts'
import type { PeerFinder } from '../peers/find-peer.ts'
import { peerStream } from '../peers/peer-stream.ts'

type Deps = { readonly log: EventLog; readonly peers: PeerFinder }

export const pinPeer = ({ log, peers }: Deps) =>
  unary<PinPeerRequest, PinPeerResponse>(async (request) => {
    const domain = parseDomain(request.domain)
    const { actor, publicKey } = request
    if (publicKey.length !== 32) {
      throw new MailxError('BAD_KEY', 'public_key must be the 32 bytes of an Ed25519 key')
    }
    if (actor === '') throw new MailxError('INVALID_ARGUMENT', 'actor must say who pins the key')
    await handleCommand(log, {
      ...peerStream(domain),
      codecs: directoryEvents,
      decider: peer,
      command: { type: 'PinPeer', domain, publicKey, actor },
      metadata: { actor },
    })
    await peers.forget(domain)
    return {}
  })
