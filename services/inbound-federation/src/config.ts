import { CommonConfig, variables } from '@mailx/config/common'
import { count, list, listenAddress, noted } from '@mailx/config/variable'
import * as z from 'zod'

const MILLION = 1_000_000

/** What inbound-federation reads beside the variables of every service. */
export const InboundFederationConfig = CommonConfig.extend({
  INBOUND_ADDRESS: variables.INBOUND_ADDRESS,
  IDENTITY_ADDRESS: variables.IDENTITY_ADDRESS,
  DIRECTORY_ADDRESS: variables.DIRECTORY_ADDRESS,
  TRANSPARENCY_ADDRESS: variables.TRANSPARENCY_ADDRESS,
  KEY_ENCRYPTION_KEY: variables.KEY_ENCRYPTION_KEY,
  /** Where other domains connect: mutual TLS 1.3. What PEER_ENDPOINT of identity leads to. */
  PEER_LISTEN: listenAddress().default('0.0.0.0:8443'),
  /** Which domains may connect: all, only those of FEDERATION_LIST, or all but those. */
  FEDERATION_POLICY: noted(z.enum(['open', 'allow', 'deny']), {
    write: 'open, allow or deny',
  }).default('open'),
  /** A file with a domain per line; read again when it changes. */
  FEDERATION_LIST: noted(z.string(), { write: '/etc/mailx/domains' }).optional(),
  /** What a peer hears about a recipient who does not exist: the same as of one who does, or no. */
  UNKNOWN_RECIPIENT: noted(z.enum(['hide', 'tell']), { write: 'hide or tell' }).default('hide'),
  /** Peers whose traces are continued, and what they do not keep is not kept here; with all others ours only links to theirs. */
  TRACE_PEERS: list('b.example,c.example').default([]),
  /** Deliveries that one peer may make in a minute. */
  DELIVERIES_PER_PEER: count(1, 100 * MILLION).default(600_000),
  /** MiB of attachments that one peer may send in a minute. */
  UPLOAD_MIB_PER_PEER: count(1, MILLION).default(6_000),
  /** Connections at once whose peer is not verified yet; from one address an eighth of that. */
  UNVERIFIED_CONNECTIONS: count(8, 100_000).default(512),
})

export type InboundFederationConfig = z.infer<typeof InboundFederationConfig>
