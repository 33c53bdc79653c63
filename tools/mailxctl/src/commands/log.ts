import { MailxError } from '@mailx/errors/mailx-error'
import type { StoredEvent } from '@mailx/event-log/event-log'
import { verifyLog } from '@mailx/event-log/verify-log'
import { decodeEvent } from '@mailx/events/codec'
import { EventMetadata } from '@mailx/proto/log/v1/batch'
import { eventTables } from '../event-tables.ts'
import { withDatabase } from '../open-database.ts'
import { readable } from '../readable.ts'
import type { Output } from '../run.ts'

export type TailOptions = {
  readonly partition?: string
  readonly lines: number
  readonly follow?: boolean
  readonly data?: boolean
}

/** `mailxctl log tail`: the newest events of each partition, and with --follow what comes after. */
export async function tailCommand(output: Output, options: TailOptions): Promise<void> {
  await withDatabase(async ({ log }) => {
    const heads = (await log.heads()).filter(
      ({ partition, context }) =>
        options.partition === undefined || [partition, context].includes(options.partition),
    )
    if (heads.length === 0) {
      throw new MailxError('NOT_FOUND', `the log has no partition or context ${options.partition}`)
    }
    const next = new Map<string, bigint>()
    for (const { partition, position } of heads) {
      const lines = BigInt(options.lines)
      next.set(partition, position > lines ? position - lines : 0n)
    }
    do {
      const found: { partition: string; event: StoredEvent }[] = []
      for (const [partition, after] of next) {
        const events = await log.read({ partition, after, limit: 1000 })
        next.set(partition, events.at(-1)?.position ?? after)
        found.push(...events.map((event) => ({ partition, event })))
      }
      for (const { partition, event } of found.toSorted(byTime)) {
        show(output, partition, event, options.data ?? false)
      }
      if (options.follow) await new Promise((resolve) => setTimeout(resolve, 200))
    } while (options.follow)
  })
}

const byTime = (a: { event: StoredEvent }, b: { event: StoredEvent }) =>
  a.event.recordedAt - b.event.recordedAt

function show(output: Output, partition: string, event: StoredEvent, withData: boolean): void {
  const { position, stream, version, type } = event
  const recordedAt = new Date(event.recordedAt).toISOString()
  const { traceparent } = EventMetadata.decode(event.metadata)
  const decoded = withData ? decodeEvent(eventTables, event) : undefined
  const data = decoded && (readable(decoded.data) as Record<string, unknown>)
  output.record(
    { partition, position, recordedAt, type, stream, version, traceparent, ...(data && { data }) },
    `${recordedAt}  ${`${partition}/${position}`.padEnd(16)}  ${type.padEnd(24)}  ${stream} v${version}${data ? `\n  ${JSON.stringify(data)}` : ''}`,
  )
}

/** `mailxctl log verify`: walks each partition's hash chain. Exit code 1 when one is broken. */
export async function verifyCommand(
  output: Output,
  options: { readonly partition?: string },
): Promise<boolean> {
  return withDatabase(async ({ log }) => {
    const partitions = (await log.heads())
      .map(({ partition }) => partition)
      .filter((partition) => options.partition === undefined || partition === options.partition)
    if (partitions.length === 0) {
      throw new MailxError('NOT_FOUND', `the log has no partition ${options.partition}`)
    }
    let fine = true
    for (const partition of partitions.toSorted()) {
      const verdict = await verifyLog(log, partition)
      fine &&= verdict.sound
      output.record(
        verdict,
        verdict.sound
          ? `${partition.padEnd(16)}  sound, ${verdict.events} events`
          : `${partition.padEnd(16)}  BROKEN at ${verdict.position}: ${verdict.problem}`,
      )
    }
    return fine
  })
}
