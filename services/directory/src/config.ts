import { CommonConfig, variables } from '@mailx/config/common'
import { count, flag, list, noted } from '@mailx/config/variable'
import * as z from 'zod'

const MILLION = 1_000_000

/** What directory reads beside the variables of every service. */
export const DirectoryConfig = CommonConfig.extend({
  DIRECTORY_ADDRESS: variables.DIRECTORY_ADDRESS,
  TRANSPARENCY_ADDRESS: variables.TRANSPARENCY_ADDRESS,
  OUTBOUND_ADDRESS: variables.OUTBOUND_ADDRESS,
  /** DNS resolvers to ask for other domains, separated by commas; the system's when not set. */
  DNS_RESOLVER: noted(z.string(), { write: '127.0.0.1:53,[::1]:53' }).default(''),
  /** Whether DNS_RESOLVER is believed about DNSSEC also when it is on another machine. */
  DNS_TRUSTED: flag().default(false),
  /** A JSON file of domains that are known without DNS; read again when it changes. */
  STATIC_PEERS_FILE: noted(z.string(), { write: '/etc/mailx/peers.json' }).optional(),
  /** Ports at which other domains may have their documents and their peer endpoint. */
  PEER_PORTS: list('443,8080,8443')
    .pipe(z.array(z.string().regex(/^\d{1,5}$/, 'holds something that is not a port')))
    .transform((ports) => ports.map(Number))
    .default([443, 8080, 8443]),
  /** Lets peers be at private addresses and any port. For development; production refuses it. */
  ALLOW_PRIVATE_PEERS: flag().default(false),
  /** Different users whose keys one user of ours may look up in a day. */
  LOOK_UPS_PER_USER: count(1, MILLION).default(2_000),
  /** Different users of ours whose keys one user of a peer may look up in a day. */
  LOOK_UPS_PER_PEER_USER: count(1, MILLION).default(500),
  /** Different users of ours whose keys all users of one peer may look up in a day. */
  LOOK_UPS_PER_PEER: count(1, 100 * MILLION).default(50_000),
})

export type DirectoryConfig = z.infer<typeof DirectoryConfig>
