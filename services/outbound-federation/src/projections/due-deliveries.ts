import { concat } from '@mailx/crypto/encoding'
import { byteaArray, int4Array, int8Array, textArray } from '@mailx/event-log/binary-array'
import type { Statement, TextRows } from '@mailx/event-log/run-statements'
import type { Recorded } from '@mailx/events/event'
import { type SubmissionEvent, submissionEvents } from '@mailx/events/submission'
import { type Projection, writeOnlyProjection } from '@mailx/processors/projection'
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
  select n.origin, n.peer, n.partition, n.position, n.ordinal, n.message_id, n.sender, n.recipient,
    n.accepted_at, n.created_at, n.expires_at, n.content_hash, n.content_size, n.envelope_hash,
    n.envelope_size, n.attachments, n.traceparent
  from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::int[], $6::bytea[], $7::text[], $8::text[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[], $13::int[], $14::bytea[], $15::int[],
    $16::bytea[], $17::text[]) as n(partition, origin, peer, position, ordinal, message_id, sender, recipient,
    accepted_at, created_at, expires_at, content_hash, content_size, envelope_hash, envelope_size,
    attachments, traceparent)
  on conflict do nothing`

const setHeads = `with old as (
    select h.* from outbound.lane_heads h
      join unnest($1::text[], $2::text[], $3::text[]) as l(partition, origin, peer)
      using (partition, origin, peer)
  ), new as (
    insert into outbound.lane_heads as h (origin, peer, partition, position)
      select origin, peer, partition, position
      from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as l(partition, origin, peer, position)
    on conflict (origin, peer, partition) do update set position = excluded.position
      where h.position < excluded.position
  )
  select partition, origin, peer, position from old`

/**
 * Tables outbound.deliveries and lane_heads: every accepted envelope for another domain, by lane.
 * After the COMMIT the same deliveries are handed to the lanes, which so need not ask for them.
 */
export function dueDeliveries(
  onGrown: (growth: readonly LaneGrowth[]) => void,
): Projection<typeof submissionEvents> {
  return writeOnlyProjection({
    name: 'outbound.due-deliveries',
    contexts: ['submission'],
    events: submissionEvents,
    handles: ['MessageAccepted'],
    tables: ['outbound.deliveries', 'outbound.lane_heads'],
    statements(events) {
      const remote = events.flatMap(remoteDeliveries)
      return remote.length === 0 ? [] : [addDeliveries(remote), moveLaneHeads(lanesOf(remote))]
    },
    afterCommit(events, [, heads = []]) {
      const lanes = lanesOf(events.flatMap(remoteDeliveries))
      if (lanes.length > 0) onGrown(growthOf(lanes, heads))
    },
  })
}

/** What an event brings for other domains. */
export function remoteDeliveries(event: Recorded<SubmissionEvent>): RemoteDelivery[] {
  const { data } = event
  const origin = domainOf(data.sender)
  return data.recipients.flatMap((recipient, ordinal) => {
    if (recipient.route !== 'ROUTE_REMOTE') return []
    return [{ event, data, recipient, ordinal, origin, peer: domainOf(recipient.address) }]
  })
}

/** Of a canonical address, which has one @. */
const domainOf = (address: string): string => address.slice(address.indexOf('@') + 1)

const addDeliveries = (rows: readonly RemoteDelivery[]): Statement => ({
  name: 'outbound.add-deliveries',
  text: add,
  values: [
    textArray(rows.map(({ event }) => event.partition)),
    textArray(rows.map(({ origin }) => origin)),
    textArray(rows.map(({ peer }) => peer)),
    int8Array(rows.map(({ event }) => event.position)),
    int4Array(rows.map(({ ordinal }) => ordinal)),
    byteaArray(rows.map(({ data }) => data.messageId)),
    textArray(rows.map(({ data }) => data.sender)),
    textArray(rows.map(({ recipient }) => recipient.address)),
    int8Array(rows.map(({ event }) => BigInt(event.recordedAt))),
    int8Array(rows.map(({ data }) => data.createdAtUnixMs)),
    int8Array(rows.map(({ data }) => data.expiresAtUnixMs)),
    byteaArray(rows.map(({ data }) => data.contentHash)),
    int4Array(rows.map(({ data }) => data.contentSize)),
    byteaArray(rows.map(({ recipient }) => recipient.envelopeHash)),
    int4Array(rows.map(({ recipient }) => recipient.envelopeSize)),
    byteaArray(rows.map(({ data }) => concat(...data.attachments.map(({ hash }) => hash)))),
    textArray(rows.map(({ event }) => event.metadata.traceparent)),
  ],
})

type Lane = readonly [RemoteDelivery, ...RemoteDelivery[]]

const keyOf = (partition: string, { origin, peer }: { origin: string; peer: string }): string =>
  `${partition} ${origin} ${peer}`

const lanesOf = (rows: readonly RemoteDelivery[]): Lane[] =>
  [...Map.groupBy(rows, (row) => keyOf(row.event.partition, row)).values()].flatMap(
    ([first, ...rest]): Lane[] => (first === undefined ? [] : [[first, ...rest]]),
  )

const moveLaneHeads = (lanes: readonly Lane[]): Statement => ({
  name: 'outbound.move-lane-heads',
  text: setHeads,
  values: [
    textArray(lanes.map(([{ event }]) => event.partition)),
    textArray(lanes.map(([{ origin }]) => origin)),
    textArray(lanes.map(([{ peer }]) => peer)),
    int8Array(lanes.map((lane) => (lane.at(-1) ?? lane[0]).event.position)),
  ],
})

/** `heads`: partition, origin, peer and position before, of the lanes that were there. */
function growthOf(lanes: readonly Lane[], heads: TextRows): LaneGrowth[] {
  const previous = new Map(heads.map((row) => [row.slice(0, 3).join(' '), BigInt(row[3] ?? 0)]))
  return lanes.map((deliveries) => {
    const [first] = deliveries
    const { origin, peer } = first
    const { partition } = first.event
    const before = previous.get(keyOf(partition, first)) ?? 0n
    return { origin, peer, partition, previous: before, deliveries }
  })
}
