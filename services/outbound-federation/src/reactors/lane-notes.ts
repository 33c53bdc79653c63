import type { Sql } from '@mailx/event-log/sql'
import type { Fault } from '../deciders/delivery.ts'
import type { LaneName } from '../deciders/due-delivery.ts'

/** What the owner of a lane leaves for the next one, in outbound.lane_floors and lane_pauses. */
export type LaneNotes = {
  /** Up to here every delivery has a final outcome, by partition. */
  readonly floors: ReadonlyMap<string, bigint>
  readonly pause:
    | { readonly failures: number; readonly until: number; readonly fault: Fault }
    | undefined
}

export async function readNotes(sql: Sql, { origin, peer }: LaneName): Promise<LaneNotes> {
  const floors = await sql.query<{ partition: string; position: string }>(
    'select partition, position from outbound.lane_floors where origin = $1 and peer = $2',
    [origin, peer],
  )
  const pauses = await sql.query<{
    failures: number
    paused_until: string
    code: string
    reason: string
  }>(
    `select failures, paused_until, code, reason from outbound.lane_pauses
       where origin = $1 and peer = $2`,
    [origin, peer],
  )
  const [pause] = pauses.rows
  return {
    floors: new Map(floors.rows.map(({ partition, position }) => [partition, BigInt(position)])),
    pause: pause && {
      failures: pause.failures,
      until: Number(pause.paused_until),
      fault: { code: pause.code, reason: pause.reason },
    },
  }
}

/** Floors only rise: an owner that lost its lane without knowing cannot take one back. */
export async function writeFloors(
  sql: Sql,
  { origin, peer }: LaneName,
  floors: ReadonlyMap<string, bigint>,
): Promise<void> {
  await sql.query(
    `insert into outbound.lane_floors as f (origin, peer, partition, position)
       select $1, $2, * from unnest($3::text[], $4::bigint[])
     on conflict (origin, peer, partition) do update
       set position = greatest(f.position, excluded.position)`,
    [origin, peer, [...floors.keys()], [...floors.values()].map(String)],
  )
}

export async function writePause(
  sql: Sql,
  { origin, peer }: LaneName,
  pause: NonNullable<LaneNotes['pause']>,
): Promise<void> {
  await sql.query(
    `insert into outbound.lane_pauses (origin, peer, failures, paused_until, code, reason)
       values ($1, $2, $3, $4, $5, $6)
     on conflict (origin, peer) do update
       set failures = excluded.failures, paused_until = excluded.paused_until,
         code = excluded.code, reason = excluded.reason`,
    [origin, peer, pause.failures, pause.until, pause.fault.code, pause.fault.reason],
  )
}

export async function clearPause(sql: Sql, { origin, peer }: LaneName): Promise<void> {
  await sql.query('delete from outbound.lane_pauses where origin = $1 and peer = $2', [
    origin,
    peer,
  ])
}

/** Lanes that have deliveries after their floor. */
export async function lanesWithWork(
  sql: Sql,
): Promise<readonly (LaneName & { readonly partition: string; readonly position: bigint })[]> {
  const { rows } = await sql.query<LaneName & { partition: string; position: string }>(
    `select h.origin, h.peer, h.partition, h.position from outbound.lane_heads h
       left join outbound.lane_floors f using (origin, peer, partition)
       where h.position > coalesce(f.position, 0)`,
  )
  return rows.map((row) => ({ ...row, position: BigInt(row.position) }))
}
