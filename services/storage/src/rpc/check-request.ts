import { parseAddress } from '@mailx/address/address'
import { MailxError } from '@mailx/errors/mailx-error'

const MAX_IDS = 100
const MAX_KEYWORDS = 32
const KEYWORD = /^[a-z0-9$._-]{1,32}$/

/** Throws INVALID_ADDRESS unless it names a mailbox in canonical form. */
export function checkMailbox(mailbox: string): string {
  if (parseAddress(mailbox).canonical === mailbox) return mailbox
  throw new MailxError('INVALID_ADDRESS', 'a mailbox is named by its canonical address')
}

/** Throws INVALID_ARGUMENT unless there are 1 to 100 message ids of 16 bytes. */
export function checkMessageIds(messageIds: readonly Uint8Array[]): readonly Uint8Array[] {
  checkCount(messageIds.length, 'message ids')
  if (messageIds.every(({ length }) => length === 16)) return messageIds
  throw new MailxError('INVALID_ARGUMENT', 'a message id is 16 bytes')
}

/** Throws INVALID_ARGUMENT unless there are 1 to 100 hashes of 32 bytes. */
export function checkHashes(hashes: readonly Uint8Array[]): readonly Uint8Array[] {
  checkCount(hashes.length, 'hashes')
  if (hashes.every(({ length }) => length === 32)) return hashes
  throw new MailxError('INVALID_ARGUMENT', 'the hash of a blob is 32 bytes')
}

function checkCount(count: number, what: string): void {
  if (count >= 1 && count <= MAX_IDS) return
  throw new MailxError('INVALID_ARGUMENT', `${count} ${what} given, allowed are 1 to ${MAX_IDS}`)
}

type Keywords = { readonly add: readonly string[]; readonly remove: readonly string[] }

/** Throws INVALID_ARGUMENT unless both lists are flags, and no flag is both set and cleared. */
export function checkKeywords({ add, remove }: Keywords): Keywords {
  const all = [...add, ...remove]
  if (all.length < 1 || all.length > MAX_KEYWORDS) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      `${all.length} flags given, allowed are 1 to ${MAX_KEYWORDS}`,
    )
  }
  const wrong = all.findIndex((keyword) => !KEYWORD.test(keyword))
  if (wrong >= 0) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      `flag number ${wrong + 1} is not 1 to 32 of: a-z 0-9 $ . _ -`,
    )
  }
  const both = add.find((keyword) => remove.includes(keyword))
  if (both !== undefined) {
    throw new MailxError('INVALID_ARGUMENT', `flag ${both} is both set and cleared: choose one`)
  }
  return { add: [...new Set(add)], remove: [...new Set(remove)] }
}

/** Throws INVALID_ARGUMENT unless the limit of a page is 1 to 1000. */
export function checkLimit(limit: number): number {
  if (limit >= 1 && limit <= 1000) return limit
  throw new MailxError('INVALID_ARGUMENT', `limit is ${limit}, allowed are 1 to 1000`)
}
