import type { Account } from '@mailx/client/account'
import { signedIn } from '@mailx/client/session'
import { parseId } from '@mailx/crypto/uuid'
import { chooseMessage, shortId } from '../choose-message.ts'
import { refreshMailbox } from '../mailbox-store.ts'
import type { Context } from '../run-command.ts'

export type FlagOptions = { readonly add?: readonly string[]; readonly remove?: readonly string[] }

/** `mailx flag`: adds and removes keywords such as seen, flagged, answered. */
export async function flagCommand(
  { account, output }: Context & { readonly account: Account },
  wanted: string,
  { add = [], remove = [] }: FlagOptions,
): Promise<void> {
  const { id } = chooseMessage(await refreshMailbox(account, output), wanted)
  const request = { messageIds: [parseId(id)], add, remove }
  await signedIn(account, (call) => account.transport.setFlags(request, call))
  const { flags } = chooseMessage(await refreshMailbox(account, output), id)
  output.result({ messageId: id, flags }, `${shortId(id)}  ${flags.join(' ') || '(no flags)'}`)
}

/** `mailx delete`: removes messages from the own mailbox. */
export async function deleteCommand(
  { account, output }: Context & { readonly account: Account },
  wanted: readonly string[],
): Promise<void> {
  const cache = await refreshMailbox(account, output)
  const ids = wanted.map((one) => chooseMessage(cache, one).id)
  const request = { messageIds: ids.map(parseId) }
  await signedIn(account, (call) => account.transport.deleteMessages(request, call))
  await refreshMailbox(account, output)
  output.result({ deleted: ids }, `deleted ${ids.map(shortId).join(' ')}`)
}
