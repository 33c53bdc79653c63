import { concat } from '@mailx/crypto/encoding'
import { byteaArray, int4Array, textArray } from '@mailx/event-log/binary-array'
import type { Sql } from '@mailx/event-log/sql'
import type { Recorded } from '@mailx/events/event'
import { type SubmissionEvent, submissionEvents } from '@mailx/events/submission'
import type { Projection } from '@mailx/processors/projection'
import type { MessageAccepted, Recipient } from '@mailx/proto/submission/v1/events'

/** One envelope for another domain, where its event puts it. */
export type RemoteDelivery = {
  readonly event: Recorded<SubmissionEvent>
  readonly data: MessageAccepted
  readonly recipient: Recipient
  readonly ordinal: number
  readonly origin: string
  readonly peer: string
}

/** What a batch of events added to one lane; `previous` is the lane's newest position before it. */
export type LaneGrowth = {
  readonly origin: string
  readonly peer: string
  readonly partition: string
  readonly previous: bigint
  readonly deliveries: readonly RemoteDelivery[]
}

const add = `insert into outbound.deliveries (origin, peer, partition, position, ordinal, message_id,
    sender, recipient, accepted_at, created_at, expires_at, content_hash, content_size,
    envelope_hash, envelope_size, attachments, traceparent)
  select n.origin, n.peer, $1, n.position, n.ordinal, n.message_id, n.sender, n.recipient,
    n.accepted_at, n.created_at, n.expires_at, n.content_hash, n.content_size, n.envelope_hash,
    n.envelope_size, n.attachments, n.traceparent
  from unnest($2::text[], $3::text[], $4::bigint[], $5::int[], $6::bytea[], $7::text[], $8::text[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[], $13::int[], $14::bytea[], $15::int[],
    $16::bytea[], $17::text[]) as n(origin, peer, position, ordinal, message_id, sender, recipient,
    accepted_at, created_at, expires_at, content_hash, content_size, envelope_hash, envelope_size,
    attachments, traceparent)
  on conflict do nothing`

const setHeads = `with old as (
    select h.* from outbound.lane_heads h join unnest($2::text[], $3::text[]) as l(origin, peer)
      using (origin, peer) where h.partition = $1
  ), new as (
    insert into outbound.lane_heads as h (origin, peer, partition, position)
      select origin, peer, $1, position
      from unnest($2::text[], $3::text[], $4::bigint[]) as l(origin, peer, position)
    on conflict (origin, peer, partition) do update set position = excluded.position
      where h.position < excluded.position
  )
  select origin, peer, position from old`

/**
 * Tables outbound.deliveries and lane_heads: every accepted envelope for another domain, by lane.
 * After the COMMIT the same deliveries are handed to the lanes, which so need not ask for them.
 */
export function dueDeliveries(
  onGrown: (growth: readonly LaneGrowth[]) => void,
): Projection<typeof submissionEvents> {
  const projected = new WeakMap<readonly object[], readonly LaneGrowth[]>()
  return {
    name: 'outbound.due-deliveries',
    contexts: ['submission'],
    events: submissionEvents,
    handles: ['MessageAccepted'],
    tables: ['outbound.deliveries', 'outbound.lane_heads'],
    async apply(sql, events) {
      const remote = events.flatMap(remoteDeliveries)
      const [first] = remote
      if (first === undefined) return
      const { partition } = first.event
      await addDeliveries(sql, partition, remote)
      projected.set(events, await growLanes(sql, partition, remote))
    },
    afterCommit(events) {
      const growth = projected.get(events)
      if (growth !== undefined) onGrown(growth)
    },
  }
}

function remoteDeliveries(event: Recorded<SubmissionEvent>): RemoteDelivery[] {
  const { data } = event
  const origin = domainOf(data.sender)
  return data.recipients.flatMap((recipient, ordinal) => {
    if (recipient.route !== 'ROUTE_REMOTE') return []
    return [{ event, data, recipient, ordinal, origin, peer: domainOf(recipient.address) }]
  })
}

/** Of a canonical address, which has one @. */
const domainOf = (address: string): string => address.slice(address.indexOf('@') + 1)

async function addDeliveries(
  sql: Sql,
  partition: string,
  rows: readonly RemoteDelivery[],
): Promise<void> {
  await sql.query(add, [
    partition,
    textArray(rows.map(({ origin }) => origin)),
    textArray(rows.map(({ peer }) => peer)),
    rows.map(({ event }) => event.position.toString()),
    int4Array(rows.map(({ ordinal }) => ordinal)),
    byteaArray(rows.map(({ data }) => data.messageId)),
    textArray(rows.map(({ data }) => data.sender)),
    textArray(rows.map(({ recipient }) => recipient.address)),
    rows.map(({ event }) => event.recordedAt),
    rows.map(({ data }) => data.createdAtUnixMs.toString()),
    rows.map(({ data }) => data.expiresAtUnixMs.toString()),
    byteaArray(rows.map(({ data }) => data.contentHash)),
    int4Array(rows.map(({ data }) => data.contentSize)),
    byteaArray(rows.map(({ recipient }) => recipient.envelopeHash)),
    int4Array(rows.map(({ recipient }) => recipient.envelopeSize)),
    byteaArray(rows.map(({ data }) => concat(...data.attachments.map(({ hash }) => hash)))),
    textArray(rows.map(({ event }) => event.metadata.traceparent)),
  ])
}

async function growLanes(
  sql: Sql,
  partition: string,
  rows: readonly RemoteDelivery[],
): Promise<LaneGrowth[]> {
  const lanes = [...Map.groupBy(rows, ({ origin, peer }) => `${origin} ${peer}`).values()]
  const firsts = lanes.map(([first]) => first as RemoteDelivery)
  const { rows: old } = await sql.query<{ origin: string; peer: string; position: string }>(
    setHeads,
    [
      partition,
      firsts.map(({ origin }) => origin),
      firsts.map(({ peer }) => peer),
      lanes.map((deliveries) => deliveries.at(-1)?.event.position.toString()),
    ],
  )
  const previous = new Map(
    old.map(({ origin, peer, position }) => [`${origin} ${peer}`, BigInt(position)]),
  )
  return firsts.map(({ origin, peer }, index) => ({
    origin,
    peer,
    partition,
    previous: previous.get(`${origin} ${peer}`) ?? 0n,
    deliveries: lanes[index] ?? [],
  }))
}
