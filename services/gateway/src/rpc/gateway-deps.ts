import type { DirectoryServiceClient } from '@mailx/proto/directory/v1/directory_service'
import type { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import type { StorageServiceClient } from '@mailx/proto/storage/v1/storage_service'
import type { KnownState } from '../reactors/known-state.ts'
import type { PushHub } from '../reactors/push-hub.ts'
import type { AcceptDeps } from './accept-submission.ts'
import type { Limits } from './limits.ts'
import type { Sessions } from './sessions.ts'
import type { Undecided } from './undecided.ts'

/** What the RPCs of this service work with. */
export type GatewayDeps = AcceptDeps & {
  readonly known: KnownState
  readonly identity: IdentityServiceClient
  readonly directory: DirectoryServiceClient
  readonly storage: StorageServiceClient
  readonly sessions: Sessions
  readonly limits: Limits
  readonly undecided: Undecided
  readonly hub: PushHub
  /** The well-known document of a hosted domain; throws NOT_FOUND for any other. */
  readonly documentOf: (domain: string) => Promise<Uint8Array>
}
