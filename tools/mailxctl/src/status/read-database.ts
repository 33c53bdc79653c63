import { readCheckpoints } from '@mailx/processors/checkpoint'
import { listParked } from '@mailx/processors/parked-events'
import { type Database, hostedDomains, serviceSchemas } from '../open-database.ts'
import { type Disk, readDisk } from './read-disk.ts'
import { staleKeyLogs } from './stale-key-logs.ts'

export type DatabaseReport = {
  readonly domains: readonly string[]
  readonly postgres: string
  readonly disk: Disk
  readonly events: bigint
  /** The processor that is farthest behind, by service. */
  readonly lag: readonly { readonly processor: string; readonly behind: bigint }[]
  readonly unpublished: bigint
  /** How long the oldest of them has waited for the bus. */
  readonly unpublishedSeconds: number
  readonly parked: readonly { readonly processor: string; readonly reason: string }[]
  readonly queues: readonly Queue[]
  readonly unsignedLeaves: number
  /** Domains whose key log gets no signed heads. */
  readonly staleKeyLogs: readonly string[]
}

/** What waits for a peer. */
export type Queue = {
  readonly peer: string
  readonly deliveries: number
  readonly oldestSeconds: number
  /** Why it waits, by the last failure. */
  readonly fault: string
}

const queues = `
  select d.peer, count(*)::int as deliveries, min(d.accepted_at)::float8 as oldest,
         coalesce(max(p.code || ': ' || p.reason), '') as fault
    from outbound.deliveries d
    left join outbound.lane_floors f using (origin, peer, partition)
    left join outbound.outcomes o using (message_id, sender, recipient)
    left join outbound.lane_pauses p using (origin, peer)
    where d.position > coalesce(f.position, 0) and o.final is null
    group by d.peer order by oldest`

const about = `
  select current_setting('server_version') as version,
         (select coalesce(min(e.recorded_at), 0)::float8 from log.partitions p
            join log.events e on e.partition = p.name and e.position = p.published + 1) as unpublished,
         (select coalesce(sum(t.size - coalesce(h.size, 0)), 0)::int
            from transparency.trees t left join transparency.tree_heads h using (domain)) as unsigned`

export async function readDatabase(database: Database): Promise<DatabaseReport> {
  const { log, pool } = database
  const heads = await log.heads()
  const headOf = new Map(heads.map(({ partition, position }) => [partition, position]))
  const lag: { processor: string; behind: bigint }[] = []
  const parked: { processor: string; reason: string }[] = []
  for (const schema of await serviceSchemas(pool)) {
    const behind = (await readCheckpoints(pool, schema)).map(
      ({ partition, position, processor }) => ({
        processor,
        behind: (headOf.get(partition) ?? 0n) - position,
      }),
    )
    const [farthest] = behind.toSorted((a, b) => Number(b.behind - a.behind))
    if (farthest !== undefined) lag.push(farthest)
    parked.push(...(await listParked(pool, schema)))
  }
  type Facts = { version: string; unpublished: number; unsigned: number }
  const [facts] = (await pool.query<Facts>(about)).rows
  type Row = { peer: string; deliveries: number; oldest: number; fault: string }
  const waiting = (await pool.query<Row>(queues)).rows
  return {
    domains: await hostedDomains(database),
    postgres: facts?.version ?? '',
    disk: await readDisk(pool),
    events: heads.reduce((sum, { position }) => sum + position, 0n),
    lag,
    unpublished: heads.reduce((sum, head) => sum + head.position - head.published, 0n),
    unpublishedSeconds: facts?.unpublished ? since(facts.unpublished) : 0,
    parked: parked.map(({ processor, reason }) => ({ processor, reason })),
    queues: waiting.map(({ oldest, ...queue }) => ({
      ...queue,
      oldestSeconds: since(oldest),
    })),
    unsignedLeaves: facts?.unsigned ?? 0,
    staleKeyLogs: await staleKeyLogs(pool),
  }
}

const since = (at: number): number => Math.max(0, (Date.now() - at) / 1000)
