import { unary } from '@mailx/grpc/unary'
import type { GetUsageRequest, GetUsageResponse } from '@mailx/proto/storage/v1/storage_service'
import { checkMailbox } from './check-request.ts'
import { query } from './query.ts'
import type { StorageDeps } from './storage-deps.ts'

const usage = {
  name: 'storage.usage',
  text: `
  select coalesce(u.bytes, 0) - coalesce(m.freed_bytes, 0) as bytes,
         coalesce(u.messages, 0) - coalesce(m.freed_messages, 0) as messages
    from (select sum(bytes) as bytes, sum(messages) as messages
            from storage.usage where mailbox = $1) u
    left join storage.mailboxes m on m.mailbox = $1`,
}

/** What the mailbox holds, and what it may hold. */
export const getUsage = ({ sql, quotaBytes }: Pick<StorageDeps, 'sql' | 'quotaBytes'>) =>
  unary<GetUsageRequest, GetUsageResponse>(async (request) => {
    const mailbox = checkMailbox(request.mailbox)
    const [row] = await query<{ bytes: string; messages: string }>(sql, usage, [mailbox])
    return {
      usedBytes: BigInt(row?.bytes ?? 0),
      quotaBytes: BigInt(quotaBytes),
      messages: BigInt(row?.messages ?? 0),
    }
  })
