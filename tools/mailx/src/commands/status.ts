import type { Account } from '@mailx/client/account'
import { signedIn, withSession } from '@mailx/client/session'
import { formatId, parseId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import type { MessageStatus, RecipientStatus } from '@mailx/proto/storage/v1/storage_service'
import { chooseMessage } from '../choose-message.ts'
import { refreshMailbox } from '../mailbox-store.ts'
import { type Output, printable } from '../output.ts'
import type { Context } from '../run-command.ts'

export type StatusOptions = { readonly wait?: number }

/** `mailx status`: what the server knows of each recipient's copy, and nothing better than that. */
export async function statusCommand(
  { account, output }: Context & { readonly account: Account },
  wanted: string,
  options: StatusOptions,
): Promise<void> {
  const id = await messageIdOf(account, output, wanted)
  let status = await getStatus(account, id)
  if (options.wait !== undefined && !status.recipients.every(isSettled)) {
    status = await waitUntilSettled(account, id, options.wait * 1000)
  }
  const recipients = status.recipients.map(
    ({ recipient, state, code, reason, changedAtUnixMs, delayed }) => ({
      recipient,
      state: wordOf(state),
      ...(code && { code }),
      ...(reason && { reason }),
      ...(delayed && { delayed }),
      changedAt: new Date(Number(changedAtUnixMs)).toISOString(),
    }),
  )
  const acceptedAt = new Date(Number(status.acceptedAtUnixMs)).toISOString()
  const text = [
    `${id}  accepted ${acceptedAt}`,
    ...recipients.map(
      ({ recipient, state, reason = '', delayed }) =>
        `  ${recipient.padEnd(24)}  ${paint(state, output)}${delayed ? ' (delayed)' : ''}${reason && `: ${printable(reason)}`}`,
    ),
  ]
  output.result({ messageId: id, acceptedAt, recipients }, text.join('\n'))
}

async function messageIdOf(account: Account, output: Output, wanted: string): Promise<string> {
  if (/^[0-9a-f-]{36}$/i.test(wanted)) return formatId(parseId(wanted))
  const own = ({ from }: { from: string }) => from === account.keyring.address
  return chooseMessage(await refreshMailbox(account, output), wanted, own).id
}

async function getStatus(account: Account, id: string): Promise<MessageStatus> {
  const request = { messageIds: [parseId(id)] }
  const { messages } = await signedIn(account, (call) =>
    account.transport.getDeliveryStatus(request, call),
  )
  const [status] = messages
  if (status) return status
  throw new MailxError('NOT_FOUND', `this account has not sent a message ${id}`)
}

async function waitUntilSettled(account: Account, id: string, timeoutMs: number) {
  const signal = AbortSignal.timeout(timeoutMs)
  let status = await getStatus(account, id)
  const pushes = account.transport.subscribe({ ...(await withSession(account)), signal })
  for await (const { event } of pushes) {
    const concerns = event?.$case === 'status' ? formatId(event.value.messageId) === id : true
    if (concerns) status = await getStatus(account, id)
    if (status.recipients.every(isSettled)) break
  }
  return status
}

const wordOf = (state: RecipientStatus['state']): string =>
  state.replace('DELIVERY_STATE_', '').toLowerCase()

const isSettled = ({ state }: RecipientStatus) =>
  wordOf(state) === 'delivered' || wordOf(state) === 'bounced'

function paint(state: string, { colours }: Output): string {
  if (state === 'delivered') return colours.green(state)
  if (state === 'bounced') return colours.red(state)
  return state === 'deferred' ? colours.yellow(state) : state
}
