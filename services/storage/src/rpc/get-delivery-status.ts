import { toHex } from '@mailx/crypto/encoding'
import { formatId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import { byteaArray } from '@mailx/event-log/binary-array'
import { decodeEvent } from '@mailx/events/codec'
import { submissionEvents } from '@mailx/events/submission'
import { unary } from '@mailx/grpc/unary'
import type {
  GetDeliveryStatusRequest,
  GetDeliveryStatusResponse,
} from '@mailx/proto/storage/v1/storage_service'
import { type CopyOutcome, deliveryStatus, type StatusFacts } from '../deciders/delivery-status.ts'
import { checkMailbox, checkMessageIds } from './check-request.ts'
import { query } from './query.ts'
import type { StorageDeps } from './storage-deps.ts'

type Deps = Pick<StorageDeps, 'sql' | 'log'>
type Accepted = Pick<StatusFacts, 'accepted' | 'acceptedAt'>

/**
 * What became of messages, for their sender. What was accepted is read from the log itself, so the
 * sender sees a message from the moment on in which it was accepted. Throws NOT_FOUND naming the
 * first id that this sender has not submitted.
 */
export const getDeliveryStatus = (deps: Deps) =>
  unary<GetDeliveryStatusRequest, GetDeliveryStatusResponse>(async (request) => {
    const sender = checkMailbox(request.sender)
    const messageIds = checkMessageIds(request.messageIds)
    const accepted = await Promise.all(messageIds.map((id) => readAccepted(deps, sender, id)))
    const [inMailbox, outcomes] = await Promise.all([
      readArrivals(deps, sender, accepted),
      readOutcomes(deps, sender, messageIds),
    ])
    const none: ReadonlySet<string> = new Set()
    return {
      messages: accepted.map((message) => {
        const id = toHex(message.accepted.messageId)
        return deliveryStatus({
          ...message,
          inMailbox: inMailbox.get(id) ?? none,
          outcomes: outcomes.get(id) ?? new Map(),
        })
      }),
    }
  })

async function readAccepted({ log }: Deps, sender: string, id: Uint8Array): Promise<Accepted> {
  const stream = `submission/${formatId(id)}/${sender}`
  const [stored] = await log.readStream({ context: 'submission', key: sender, stream })
  const event = stored && decodeEvent(submissionEvents, stored)
  if (event) return { accepted: event.data, acceptedAt: stored.recordedAt }
  throw new MailxError('NOT_FOUND', `you have not submitted a message ${formatId(id)}`)
}

const arrivals = {
  name: 'storage.arrivals',
  text: `
  select e.message_id, e.mailbox
    from unnest($2::bytea[], $3::text[]) as n(message_id, mailbox)
    cross join lateral (
      select * from storage.entries_submitted e
        where e.mailbox = n.mailbox and e.message_id = n.message_id offset 0) e
    where e.sender = $1`,
}

/** In which mailboxes here the messages are, or were before their owners deleted them. */
async function readArrivals({ sql }: Deps, sender: string, messages: readonly Accepted[]) {
  const pairs = messages.flatMap(({ accepted }) =>
    accepted.recipients.map(({ address }) => ({ id: accepted.messageId, address })),
  )
  const rows = await query<{ message_id: Uint8Array; mailbox: string }>(sql, arrivals, [
    sender,
    byteaArray(pairs.map(({ id }) => id)),
    pairs.map(({ address }) => address),
  ])
  const byMessage = new Map<string, Set<string>>()
  for (const { message_id, mailbox } of rows) {
    const id = toHex(message_id)
    byMessage.set(id, (byMessage.get(id) ?? new Set()).add(mailbox))
  }
  return byMessage
}

const outcomesOf = {
  name: 'storage.outcomes-of',
  text: `
  select message_id, recipient, state, code, reason, delayed, changed_at
    from storage.outcomes where message_id = any($2::bytea[]) and sender = $1`,
}

type OutcomeRow = Omit<CopyOutcome, 'changedAt'> & {
  message_id: Uint8Array
  recipient: string
  changed_at: string
}

async function readOutcomes({ sql }: Deps, sender: string, messageIds: readonly Uint8Array[]) {
  const values = [sender, byteaArray(messageIds)]
  const rows = await query<OutcomeRow>(sql, outcomesOf, values)
  const byMessage = new Map<string, Map<string, CopyOutcome>>()
  for (const { message_id, recipient, changed_at, ...outcome } of rows) {
    const id = toHex(message_id)
    const copies = byMessage.get(id) ?? new Map<string, CopyOutcome>()
    copies.set(recipient, { ...outcome, changedAt: Number(changed_at) })
    byMessage.set(id, copies)
  }
  return byMessage
}
