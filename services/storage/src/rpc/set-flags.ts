import { unary } from '@mailx/grpc/unary'
import type { SetFlagsRequest, SetFlagsResponse } from '@mailx/proto/storage/v1/storage_service'
import { hashAddress } from '@mailx/telemetry/logger'
import { setFlags as decide } from '../deciders/mailbox.ts'
import { appendMailboxEvents } from './append-mailbox-events.ts'
import { checkKeywords, checkMailbox, checkMessageIds } from './check-request.ts'
import { readKnownMessages } from './known-messages.ts'
import type { StorageDeps } from './storage-deps.ts'

/** Sets and clears flags. Answers when the next list shows them. */
export const setFlags = ({ sql, log, applied }: StorageDeps) =>
  unary<SetFlagsRequest, SetFlagsResponse>(async (request) => {
    const mailbox = checkMailbox(request.mailbox)
    const messageIds = checkMessageIds(request.messageIds)
    const { add, remove } = checkKeywords(request)
    const { known } = await readKnownMessages(sql, mailbox, messageIds)
    const events = decide({ mailbox, messageIds, add, remove }, known)
    if (events.length === 0) return {}
    const { partition, position } = await appendMailboxEvents(log, {
      mailbox,
      expectedVersion: 'any',
      events,
      actor: hashAddress(mailbox),
    })
    await applied(partition, position)
    return {}
  })
