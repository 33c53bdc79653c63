import type { EventLog } from '@mailx/event-log/event-log'
import type { Sql } from '@mailx/event-log/sql'
import type { Logger } from '@mailx/telemetry/logger'

/** What the RPCs of this service work with. */
export type StorageDeps = {
  /** Throws UNAVAILABLE when Postgres cannot answer. */
  readonly sql: Sql
  readonly log: EventLog
  /** Resolves when the read models show a position of the context `mailbox`. */
  readonly applied: (partition: string, position: bigint) => Promise<void>
  readonly quotaBytes: number
  readonly now: () => number
  readonly logger: Logger
}
