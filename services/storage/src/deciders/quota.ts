import type { MailboxEvent } from '@mailx/events/mailbox'
import type { ReceptionEvent } from '@mailx/events/reception'
import type { SubmissionEvent } from '@mailx/events/submission'
import { Disposition } from '@mailx/proto/reception/v1/events'
import { type AttachmentBlob, Route } from '@mailx/proto/submission/v1/events'

/** What a mailbox holds, as far as its quota is concerned. */
export type MailboxFill = {
  readonly mailbox: string
  readonly usedBytes: number
  readonly isFull: boolean
}

/** Says when a mailbox crosses its quota, in either direction; nothing while it stays on one side. */
export function decideFill(fill: MailboxFill, quotaBytes: number): MailboxEvent[] {
  const { mailbox, usedBytes, isFull } = fill
  const full = usedBytes >= quotaBytes
  if (full === isFull) return []
  const data = { mailbox, usedBytes: BigInt(usedBytes), quotaBytes: BigInt(quotaBytes) }
  return [full ? { type: 'MailboxFilled', data } : { type: 'MailboxFreed', data }]
}

/**
 * How many bytes a watcher may see coming in before it has to look at the mailbox again, so that all
 * `watchers` together cannot miss the crossing.
 */
export const creditOf = (fill: MailboxFill, quotaBytes: number, watchers: number): number =>
  fill.isFull ? 0 : Math.max(0, Math.floor((quotaBytes - fill.usedBytes) / watchers))

/** Bytes per mailbox that events bring; 0 for a mailbox whose owner deleted something. */
export function bytesTakenIn(
  events: readonly (SubmissionEvent | ReceptionEvent | MailboxEvent)[],
): Map<string, number> {
  const taken = new Map<string, number>()
  const add = (mailbox: string, bytes: number) =>
    taken.set(mailbox, (taken.get(mailbox) ?? 0) + bytes)
  for (const { type, data } of events) {
    switch (type) {
      case 'MessageAccepted': {
        const shared = data.contentSize + sizeOf(data.attachments)
        for (const { address, route, envelopeSize } of data.recipients) {
          if (route === Route.LOCAL) add(address, shared + envelopeSize)
        }
        break
      }
      case 'MessageReceived': {
        const { recipient, disposition, contentSize, envelopeSize, attachments } = data
        if (disposition !== Disposition.DELIVER) break
        add(recipient, contentSize + envelopeSize + sizeOf(attachments))
        break
      }
      case 'MessagesDeleted':
        add(data.mailbox, 0)
        break
      case 'FlagsChanged':
      case 'MailboxFilled':
      case 'MailboxFreed':
    }
  }
  return taken
}

const sizeOf = (attachments: readonly AttachmentBlob[]): number =>
  attachments.reduce((sum, { size }) => sum + size, 0)
