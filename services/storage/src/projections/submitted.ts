import { byteaArray, textArray } from '@mailx/event-log/binary-array'
import type { Statement } from '@mailx/event-log/run-statements'
import { type SubmissionEvent, submissionEvents } from '@mailx/events/submission'
import { type Projection, writeOnlyProjection } from '@mailx/processors/projection'
import { DeliveryState, type MailboxChange } from '@mailx/proto/storage/v1/storage_service'
import { Route } from '@mailx/proto/submission/v1/events'
import { type AnnounceEvents, announcing } from './announce.ts'
import { changeOfEntry, entriesOfSubmission } from './entry-row.ts'
import { insertAttachments, insertEntries } from './insert-entries.ts'

type Accepted = Extract<SubmissionEvent, { type: 'MessageAccepted' }>['data']

const insertRemoteCopies = `
  insert into storage.remote_copies (message_id, recipient, sender, content_hash, envelope_hash)
    select * from unnest($1::bytea[], $2::text[], $3::text[], $4::bytea[], $5::bytea[])
    on conflict do nothing`

/** What our users sent: entries for recipients here, copies for recipients elsewhere. */
export const submittedProjection = (
  announce: AnnounceEvents,
): Projection<typeof submissionEvents> =>
  writeOnlyProjection({
    name: 'storage.submitted',
    contexts: ['submission'],
    events: submissionEvents,
    tables: [
      'storage.entries_submitted',
      'storage.attachments_submitted',
      'storage.remote_copies',
      'storage.usage_submitted',
    ],
    statements(events) {
      const messages = events.map(({ data }) => data)
      return [
        ...insertEntries('submitted', events.flatMap(entriesOfSubmission)),
        ...insertAttachments('submitted', messages),
        ...addRemoteCopies(messages),
      ]
    },
    ...announcing(announce, (event) => [
      ...entriesOfSubmission(event).map(changeOfEntry),
      ...unreachable(event.data, event.recordedAt, event.metadata.traceparent),
    ]),
  })

function addRemoteCopies(messages: readonly Accepted[]): Statement[] {
  const copies = messages.flatMap(({ messageId, sender, contentHash, recipients }) =>
    recipients
      .filter(({ route }) => route === Route.REMOTE)
      .map(({ address, envelopeHash }) => ({
        messageId,
        address,
        sender,
        contentHash,
        envelopeHash,
      })),
  )
  if (copies.length === 0) return []
  return [
    {
      name: 'storage.insert-remote-copies',
      text: insertRemoteCopies,
      values: [
        byteaArray(copies.map((copy) => copy.messageId)),
        textArray(copies.map((copy) => copy.address)),
        textArray(copies.map((copy) => copy.sender)),
        byteaArray(copies.map((copy) => copy.contentHash)),
        byteaArray(copies.map((copy) => copy.envelopeHash)),
      ],
    },
  ]
}

/** A recipient that does not exist is the only outcome that the sender is told by a submission. */
function unreachable(data: Accepted, recordedAt: number, traceparent: string): MailboxChange[] {
  const recipients = data.recipients
    .filter(({ route }) => route === Route.UNDELIVERABLE)
    .map(({ address }) => ({
      recipient: address,
      state: DeliveryState.BOUNCED,
      code: 'NOT_FOUND',
      reason: 'recipient cannot be reached',
      changedAtUnixMs: BigInt(recordedAt),
      delayed: false,
    }))
  if (recipients.length === 0) return []
  const acceptedAtUnixMs = BigInt(recordedAt)
  const status = { messageId: data.messageId, acceptedAtUnixMs, recipients }
  return [{ mailbox: data.sender, status, traceparent }]
}
