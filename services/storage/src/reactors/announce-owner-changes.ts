import { byteaArray } from '@mailx/event-log/binary-array'
import type { Recorded } from '@mailx/events/event'
import type { MailboxEvent } from '@mailx/events/mailbox'
import type { MailboxChange } from '@mailx/proto/storage/v1/storage_service'
import type { Logger } from '@mailx/telemetry/logger'
import type pg from 'pg'
import { isNews, type PublishChanges, toList } from './announce-changes.ts'

const changedEntries = {
  name: 'storage.changed-entries',
  text: `
  select e.message_id, e.sender, e.created_at, e.received_at, e.size, ch.flags, ch.deleted
    from storage.entry_changes ch
    join storage.entries e on e.message_id = ch.message_id
    where ch.mailbox = $1 and ch.message_id = any($2::bytea[])
      and e.mailbox = $1 and e.message_id = any($2::bytea[])`,
}

type Row = {
  message_id: Uint8Array
  sender: string
  created_at: string
  received_at: string
  size: number
  flags: string[]
  deleted: boolean
}

type Deps = {
  readonly pool: pg.Pool
  readonly publish: PublishChanges
  readonly now: () => number
  readonly logger: Logger
}

/** Tells an owner's other devices what one of them did. Announced again, as every change, when it may have been lost. */
export const announceOwnerChanges =
  ({ pool, publish, now, logger }: Deps) =>
  (events: readonly Recorded<MailboxEvent>[]): void => {
    const tellAll = async () => {
      const at = now()
      const { news = [], old = [] } = Object.groupBy(events, (event) =>
        isNews(event, at) ? 'news' : 'old',
      )
      publish([...new Set(old.map(({ data }) => data.mailbox))].map(toList))
      for (const event of news) publish(await changesOf(pool, event))
    }
    tellAll().catch((error: unknown) => {
      logger.debug({ err: error }, 'flag changes could not be announced')
    })
  }

async function changesOf(pool: pg.Pool, event: Recorded<MailboxEvent>): Promise<MailboxChange[]> {
  switch (event.type) {
    case 'FlagsChanged':
    case 'MessagesDeleted': {
      const { mailbox, messageIds } = event.data
      const values = [mailbox, byteaArray(messageIds)]
      const { rows } = await pool.query<Row>({ ...changedEntries, values })
      return rows.map((row) => toChange(mailbox, row, event.metadata.traceparent))
    }
    case 'MailboxFilled':
    case 'MailboxFreed':
      return []
  }
}

const toChange = (mailbox: string, row: Row, traceparent: string): MailboxChange => ({
  mailbox,
  entry: {
    messageId: row.message_id,
    sender: row.sender,
    createdAtUnixMs: BigInt(row.created_at),
    receivedAtUnixMs: BigInt(row.received_at),
    size: row.size,
    flags: row.flags,
    deleted: row.deleted,
  },
  traceparent,
})
