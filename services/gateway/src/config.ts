import { CommonConfig, variables } from '@mailx/config/common'
import { count, listenAddress } from '@mailx/config/variable'
import type * as z from 'zod'

const DAY_MS = 24 * 60 * 60 * 1000
const MANY = 2 ** 31 - 1

/** What the gateway reads beside the variables of every service. */
export const GatewayConfig = CommonConfig.extend({
  SESSION_KEY: variables.SESSION_KEY,
  IDENTITY_ADDRESS: variables.IDENTITY_ADDRESS,
  DIRECTORY_ADDRESS: variables.DIRECTORY_ADDRESS,
  STORAGE_ADDRESS: variables.STORAGE_ADDRESS,
  /** Where clients connect: gRPC over TLS 1.3, host:port. */
  CLIENT_LISTEN: listenAddress().default('0.0.0.0:8444'),
  /** Where the well-known document is served, host:port. */
  HTTPS_LISTEN: listenAddress().default('0.0.0.0:443'),
  /** How long delivery to other domains is tried before a message bounces, in milliseconds. */
  BOUNCE_AFTER_MS: count(1000, 90 * DAY_MS).default(5 * DAY_MS),
  /** Calls without a session, from one IPv4 address or IPv6 /64. */
  CALLS_PER_MINUTE_PER_IP: count(1, MANY).default(3_000),
  /** Calls of one session that are no submissions. */
  CALLS_PER_MINUTE_PER_SESSION: count(1, MANY).default(12_000),
  /** Messages that one session may submit. */
  MESSAGES_PER_MINUTE_PER_SESSION: count(1, MANY).default(60_000),
  /** Copies (messages times recipients) that one user may submit. */
  COPIES_PER_HOUR_PER_ADDRESS: count(1, MANY).default(2_000_000),
  /** What one user may upload as parts of attachments, in MiB. */
  UPLOAD_MIB_PER_HOUR_PER_ADDRESS: count(1, MANY).default(4_096),
  /**
   * Submissions that may be received and undecided at once, of all streams and calls together, in MiB.
   * While it is used up streams wait and calls are refused; below 64 the log itself refuses nothing.
   */
  UNDECIDED_MIB: count(1, 65_536).default(48),
  /** Client connections that may be in their TLS handshake at once, in all. */
  CLIENT_HANDSHAKES: count(1, 100_000).default(1_024),
})

export type GatewayConfig = z.infer<typeof GatewayConfig>
