import type { Account } from '@mailx/client/account'
import { emptyCache, type MailboxCache, openCache, sealCache } from '@mailx/client/mailbox-cache'
import { syncMailbox } from '@mailx/client/sync-mailbox'
import type { Output } from './output.ts'
import { profileOf, readProfileFile, writeProfileFile } from './profile.ts'

const FILE = 'mailbox.sealed'

/** The mailbox as last seen; empty the first time. */
export async function loadMailbox(account: Account): Promise<MailboxCache> {
  const text = await readProfileFile(profileOf(account.keyring.address), FILE)
  return text === undefined ? emptyCache : openCache(text, account.keyring)
}

/** Fetches what is new, stores it, and returns all. */
export async function refreshMailbox(account: Account, output: Output): Promise<MailboxCache> {
  const before = await loadMailbox(account)
  let bar: ReturnType<Output['progress']> | undefined
  const after = await syncMailbox(account, before, (done, total) => {
    bar ??= output.progress('Opening messages', total)
    bar.update(done)
  })
  bar?.stop()
  await storeMailbox(account, after)
  return after
}

export const storeMailbox = (account: Account, cache: MailboxCache): Promise<void> =>
  writeProfileFile(
    profileOf(account.keyring.address),
    FILE,
    sealCache(cache, account.keyring, account.random(24)),
  )
