import type { EventLog } from '@mailx/event-log/event-log'
import { decodePage } from './decode-page.ts'
import type { Projection } from './projection.ts'

type Resumption = {
  readonly log: EventLog
  readonly partition: string
  /** What this process has applied itself and been told the outcome of. */
  readonly known: bigint
  /** The checkpoint in Postgres. */
  readonly position: bigint
  /** How many events one transaction applies at most. */
  readonly page: number
}

/** Tells a projection of the events that were applied without it: of as many as may be untold. */
export async function resume(
  projection: Projection,
  { log, partition, known, position, page }: Resumption,
): Promise<void> {
  if (projection.resumed === undefined || position <= known) return
  const after = [known, position - BigInt(page)].reduce((a, b) => (a > b ? a : b))
  const stored = await log.read({ partition, after, limit: Number(position - after) })
  // One by one: behind an event that was parked there are others.
  projection.resumed(stored.flatMap((one) => decodePage(projection, partition, [one]).wanted))
}
