import { CommonConfig, variables } from '@mailx/config/common'
import { count } from '@mailx/config/variable'
import type * as z from 'zod'

const DAY_MS = 24 * 60 * 60 * 1000

export const StorageConfig = CommonConfig.extend({
  /** Where the internal gRPC server of this service listens, and the gateway finds it. */
  STORAGE_ADDRESS: variables.STORAGE_ADDRESS,
  /** What a mailbox may hold before new mail for it is refused, in bytes. */
  DEFAULT_QUOTA_BYTES: count(1, Number.MAX_SAFE_INTEGER).default(5 * 1024 ** 3),
  /** How long after a deletion the sealed bytes are erased, in milliseconds. */
  ERASE_AFTER_MS: count(0, 365 * DAY_MS).default(2 * 60 * 60 * 1000),
  /** How long sealed bytes are kept after another domain took them, in milliseconds. */
  DELIVERED_RETENTION_MS: count(0, 365 * DAY_MS).default(7 * DAY_MS),
  /** How long an uploaded part of an attachment may wait for its message, in milliseconds. */
  ORPHAN_AFTER_MS: count(0, 365 * DAY_MS).default(DAY_MS),
  /** How often the eraser looks for work, in milliseconds. */
  ERASE_EVERY_MS: count(10, DAY_MS).default(60 * 1000),
})

export type StorageConfig = z.infer<typeof StorageConfig>
