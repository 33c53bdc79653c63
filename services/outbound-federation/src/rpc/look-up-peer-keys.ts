import { parseAddress } from '@mailx/address/address'
import { parseDomain } from '@mailx/address/domain'
import { MailxError } from '@mailx/errors/mailx-error'
import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { LookUpPeerKeysRequest } from '@mailx/proto/outbound/v1/outbound_service'
import type { LookUpPeerKeysResponse } from '@mailx/proto/peer/v1/peer_service'
import type { LaneName } from '../deciders/due-delivery.ts'
import type { PeerLinks } from '../peers/peer-links.ts'

const MAX_ADDRESSES = 100

type Deps = { readonly links: PeerLinks; readonly timeoutMs: number }

/** Carries the directory's question to the peer, on the connection that delivers, too. */
export const lookUpPeerKeys = ({ links, timeoutMs }: Deps) =>
  unary<LookUpPeerKeysRequest, LookUpPeerKeysResponse>(async (request) => {
    const { addresses, asker } = request
    const lane = checkedLane(request)
    const ask = () =>
      links.use(
        lane,
        () => undefined,
        (link) =>
          callUnary(
            link.peerService().lookUpKeys,
            { asker, addresses },
            { timeoutMs, metadata: {} },
          ),
      )
    const answer = await again(ask)
    if (answer.answers.length !== addresses.length) {
      throw new MailxError('BAD_PROOF', `${lane.peer} answered another number of questions`)
    }
    return answer
  })

function checkedLane({ addresses, from, to }: LookUpPeerKeysRequest): LaneName {
  const [origin, peer] = [parseDomain(from), parseDomain(to)]
  if (origin === peer) {
    throw new MailxError('INVALID_ARGUMENT', `${to} is hosted here: ask the directory itself`)
  }
  if (addresses.length === 0 || addresses.length > MAX_ADDRESSES) {
    throw new MailxError('INVALID_ARGUMENT', `ask for 1 to ${MAX_ADDRESSES} addresses`)
  }
  if (addresses.some((address) => parseAddress(address).domain !== peer)) {
    throw new MailxError('INVALID_ARGUMENT', `every address must be of ${peer}`)
  }
  return { origin, peer }
}

/** A connection that had been idle may have died unnoticed: the second try dials anew. */
async function again<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof MailxError) || error.code !== 'UNAVAILABLE') throw error
    return ask()
  }
}
