import { CommonConfig, variables } from '@mailx/config/common'
import { count } from '@mailx/config/variable'
import type * as z from 'zod'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** What outbound-federation reads beside the variables of every service. */
export const OutboundConfig = CommonConfig.extend({
  OUTBOUND_ADDRESS: variables.OUTBOUND_ADDRESS,
  IDENTITY_ADDRESS: variables.IDENTITY_ADDRESS,
  DIRECTORY_ADDRESS: variables.DIRECTORY_ADDRESS,
  KEY_ENCRYPTION_KEY: variables.KEY_ENCRYPTION_KEY,
  /** The longest wait after a peer's first failure, in milliseconds; it doubles with each further one. */
  RETRY_FIRST_MS: count(10, 60 * MINUTE_MS).default(1_000),
  /** The longest wait between two tries, in milliseconds. */
  RETRY_LONGEST_MS: count(10, DAY_MS).default(15 * MINUTE_MS),
  /** The sender hears of a delay after this time, in milliseconds. */
  DELAY_NOTICE_MS: count(100, 30 * DAY_MS).default(60 * MINUTE_MS),
  /** Undelivered mail without an expiry of its own bounces after this time, in milliseconds. */
  BOUNCE_AFTER_MS: count(100, 60 * DAY_MS).default(5 * DAY_MS),
  /** Batches under way to one peer at once. */
  DELIVERY_WINDOW: count(1, 64).default(8),
  /** How long a peer may take to answer a batch, in milliseconds. */
  PEER_TIMEOUT_MS: count(100, 10 * MINUTE_MS).default(30_000),
  /** How long connecting to a peer may take, in milliseconds. */
  PEER_DIAL_TIMEOUT_MS: count(100, MINUTE_MS).default(10_000),
  /** A connection without work is closed after this time, in milliseconds. */
  PEER_IDLE_MS: count(100, 60 * MINUTE_MS).default(MINUTE_MS),
})

export type OutboundConfig = z.infer<typeof OutboundConfig>
