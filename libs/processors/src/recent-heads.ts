import type { EventLog, Head } from '@mailx/event-log/event-log'

type Reading = { readonly at: number; readonly heads: Promise<readonly Head[]> }

const readings = new WeakMap<EventLog, Reading>()

/** The heads of all partitions as of so long ago at most: the services of one process read them once. */
export function recentHeads(log: EventLog, maxAgeMs: number): Promise<readonly Head[]> {
  const now = performance.now()
  const last = readings.get(log)
  if (last !== undefined && now - last.at < maxAgeMs) return last.heads
  const heads = log.heads()
  readings.set(log, { at: now, heads })
  // Whoever comes next asks again.
  heads.catch(() => readings.delete(log))
  return heads
}
