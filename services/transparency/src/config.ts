import { CommonConfig, variables } from '@mailx/config/common'
import { count } from '@mailx/config/variable'
import type * as z from 'zod'

/** What transparency reads beside the variables of every service. */
export const TransparencyConfig = CommonConfig.extend({
  TRANSPARENCY_ADDRESS: variables.TRANSPARENCY_ADDRESS,
  IDENTITY_ADDRESS: variables.IDENTITY_ADDRESS,
  KEY_ENCRYPTION_KEY: variables.KEY_ENCRYPTION_KEY,
  /** A domain's tree is signed this often at most, in milliseconds. */
  CHECKPOINT_INTERVAL_MS: count(10, 60_000).default(1_000),
})

export type TransparencyConfig = z.infer<typeof TransparencyConfig>
