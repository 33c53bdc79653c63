import { MailxError } from '@mailx/errors/mailx-error'
import type { ConnectionOf } from '@mailx/federation/peer-server'
import { protocolVersions } from '@mailx/federation/protocol-version'
import { callUnary } from '@mailx/grpc/client'
import { unary } from '@mailx/grpc/unary'
import type { ServerInfo, ServerInfoRequest } from '@mailx/proto/delivery/v1/delivery_service'
import type { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import type { TransparencyServiceClient } from '@mailx/proto/transparency/v1/transparency_service'
import { limits } from '../deciders/delivery-limits.ts'

type Deps = {
  readonly connectionOf: ConnectionOf
  readonly identity: Pick<IdentityServiceClient, 'getDomainDocument'>
  readonly transparency: Pick<TransparencyServiceClient, 'getCheckpoint'>
}

export const getServerInfo = ({ connectionOf, identity, transparency }: Deps) =>
  unary<ServerInfoRequest, ServerInfo>(
    async (_, call) => {
      const { local: domain } = connectionOf(call)
      const [{ document }, checkpoint] = await Promise.all([
        callUnary(identity.getDomainDocument, { domain }),
        newestCheckpoint(domain, transparency),
      ])
      return {
        domain,
        software: 'mailx',
        minProtocol: protocolVersions.min,
        maxProtocol: protocolVersions.max,
        domainDocument: document,
        checkpoint,
        maxBatchDeliveries: limits.batchDeliveries,
        maxBatchBytes: limits.batchBytes,
      }
    },
    { trace: 'link' },
  )

/** Empty while the domain's key log has none: the rest is of use without it. */
async function newestCheckpoint(
  domain: string,
  transparency: Deps['transparency'],
): Promise<string> {
  try {
    return (await callUnary(transparency.getCheckpoint, { domain })).checkpoint
  } catch (error) {
    if (error instanceof MailxError) return ''
    throw error
  }
}
