import { MailxError } from '@mailx/errors/mailx-error'
import type { Appended } from '@mailx/event-log/event-log'
import { unary } from '@mailx/grpc/unary'
import type {
  DeleteMessagesRequest,
  DeleteMessagesResponse,
} from '@mailx/proto/storage/v1/storage_service'
import { hashAddress } from '@mailx/telemetry/logger'
import { deleteMessages as decide } from '../deciders/mailbox.ts'
import { appendMailboxEvents } from './append-mailbox-events.ts'
import { checkMailbox, checkMessageIds } from './check-request.ts'
import { readKnownMessages } from './known-messages.ts'
import type { StorageDeps } from './storage-deps.ts'

const ATTEMPTS = 5

/** Deletes messages for their owner. Answers when the next list shows it. */
export const deleteMessages = (deps: StorageDeps) =>
  unary<DeleteMessagesRequest, DeleteMessagesResponse>(async (request) => {
    const mailbox = checkMailbox(request.mailbox)
    const messageIds = checkMessageIds(request.messageIds)
    const { partition, position } = await decideAndAppend(deps, mailbox, messageIds)
    await deps.applied(partition, position)
    return {}
  })

/**
 * What a deletion frees is counted once: so it is appended at the very version that was read, and
 * decided again when the mailbox changed in between.
 */
async function decideAndAppend(
  deps: StorageDeps,
  mailbox: string,
  messageIds: readonly Uint8Array[],
): Promise<Appended> {
  const { sql, log } = deps
  for (let attempt = 1; ; attempt += 1) {
    const { version, known } = await readKnownMessages(sql, mailbox, messageIds)
    const events = decide({ mailbox, messageIds }, known)
    const actor = hashAddress(mailbox)
    try {
      return await appendMailboxEvents(log, { mailbox, expectedVersion: version, events, actor })
    } catch (error) {
      const conflict = error instanceof MailxError && error.code === 'CONFLICT'
      if (!conflict || attempt === ATTEMPTS) throw error
    }
    await waitForOthers(deps, mailbox)
  }
}

/** The read model may be behind what just made the append fail. */
async function waitForOthers({ log, applied }: StorageDeps, mailbox: string): Promise<void> {
  const partition = log.partitionOf('mailbox', mailbox)
  const head = (await log.heads('mailbox')).find((candidate) => candidate.partition === partition)
  if (head) await applied(partition, head.position)
}
