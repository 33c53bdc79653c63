import type { Sql } from '@mailx/event-log/sql'
import { EventMetadata } from '@mailx/proto/log/v1/batch'
import { isRecording } from '@mailx/telemetry/propagation'
import { withSpan } from '@mailx/telemetry/tracer'
import { query } from './query.ts'

type Entry = { readonly partition: string; readonly position: string }

/** More messages than this are a client that catches up, not somebody who reads one. */
const MAX_LINKS = 10

const metadataOf = {
  name: 'storage.metadata',
  text: `select e.metadata from log.events e
    join unnest($1::text[], $2::bigint[]) as wanted(partition, position) using (partition, position)`,
}

/**
 * The last step of messages' ways: a span in the reader's trace that links to the traces in which they
 * came. Where the caller's trace is not recorded it only calls `work`.
 */
export async function withFetchSpan<Result>(
  sql: Sql,
  entries: readonly Entry[],
  work: () => Promise<Result>,
): Promise<Result> {
  if (!isRecording() || entries.length === 0 || entries.length > MAX_LINKS) return work()
  const rows = await query<{ metadata: Uint8Array }>(sql, metadataOf, [
    entries.map(({ partition }) => partition),
    entries.map(({ position }) => position),
  ])
  const links = rows.map(({ metadata }) => EventMetadata.decode(metadata).traceparent)
  const attributes = { 'mailx.fetch.messages': entries.length }
  return withSpan('fetch', { links, attributes }, work)
}
