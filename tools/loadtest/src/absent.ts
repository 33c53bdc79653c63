import { lookUpKeys } from '@mailx/client/look-up-keys'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Person } from './people.ts'

/**
 * Addresses at which nobody lives, and which share of the messages goes to one of them, too: that copy
 * must bounce. In the journal they come behind the users.
 */
export type Absent = { readonly addresses: readonly string[]; readonly share: number }

export const nobodyAbsent: Absent = { addresses: [], share: 0 }

/** Has the sender seal for the address with the keys of somebody else, as for a user who has left since. */
export async function takeForPresent(
  sender: Person,
  address: string,
  other: Person,
): Promise<void> {
  const { account } = sender
  await lookUpKeys(account, [other.address])
  const known = account.keys.get(other.address)
  if (known === undefined) throw new MailxError('INTERNAL', `no keys of ${other.address}`)
  account.keys.set(address, { ...known, keys: { ...known.keys, address } })
}
