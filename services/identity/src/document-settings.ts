import { protocolVersions } from '@mailx/federation/protocol-version'
import { MAX_DEVICES } from '@mailx/keys/device-list'
import type { IdentityConfig } from './config.ts'
import type { DocumentSettings } from './deciders/domain-document.ts'

const MIB = 1024 * 1024

type Endpoints = Pick<IdentityConfig, 'PEER_ENDPOINT' | 'HTTP_ENDPOINT' | 'CLIENT_ENDPOINT'>

/** What the documents of this deployment say beside keys. The limits are those of PROTOCOL §10. */
export const documentSettings =
  (config: Endpoints) =>
  (domain: string): DocumentSettings => {
    const of = (template: string) => template.replaceAll('{domain}', domain)
    return {
      endpoints: {
        grpc: of(config.PEER_ENDPOINT),
        http: of(config.HTTP_ENDPOINT),
        client: of(config.CLIENT_ENDPOINT),
      },
      policy: {
        maxMessageBytes: 25 * MIB,
        maxInlineBytes: MIB,
        maxRecipients: 100,
        maxDevices: MAX_DEVICES,
        // 0: kept until the user deletes it.
        retentionDays: 0,
        registration: 'open',
        contactMode: 'open',
      },
      protocols: { ...protocolVersions },
    }
  }
