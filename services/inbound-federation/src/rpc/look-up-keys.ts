import { parseAddress } from '@mailx/address/address'
import { MailxError } from '@mailx/errors/mailx-error'
import type { ConnectionOf } from '@mailx/federation/peer-server'
import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { DirectoryServiceClient } from '@mailx/proto/directory/v1/directory_service'
import type {
  LookUpPeerKeysRequest,
  LookUpPeerKeysResponse,
} from '@mailx/proto/peer/v1/peer_service'
import type { TraceOf } from './trace-of.ts'

type Deps = {
  readonly connectionOf: ConnectionOf
  readonly directory: Pick<DirectoryServiceClient, 'lookUpLocalKeys'>
  readonly trace: TraceOf
}

/** Keys of users of the dialled domain. Directory pads and times the answer; it is passed on as it is. */
export const lookUpKeys = ({ connectionOf, directory, trace }: Deps) =>
  unary<LookUpPeerKeysRequest, LookUpPeerKeysResponse>(
    async ({ addresses, asker }, call) => {
      const { local, peer: askingDomain } = connectionOf(call)
      if (addresses.some((address) => parseAddress(address).domain !== local)) {
        throw new MailxError('INVALID_ARGUMENT', `ask here for addresses of ${local} only`)
      }
      const question = { askingDomain, asker, addresses }
      const { answers, padding } = await callUnary(directory.lookUpLocalKeys, question)
      return { answers: answers.map(({ address, bundle }) => ({ address, bundle })), padding }
    },
    { trace },
  )
