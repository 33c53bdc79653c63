import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Account } from '@mailx/client/account'
import { readAttachment, readMessages } from '@mailx/client/mailbox'
import { signedIn } from '@mailx/client/session'
import { parseId } from '@mailx/crypto/uuid'
import type { Payload } from '@mailx/envelope/payload'
import { MailxError } from '@mailx/errors/mailx-error'
import { chooseMessage } from '../choose-message.ts'
import { refreshMailbox } from '../mailbox-store.ts'
import { type Output, printable } from '../output.ts'
import type { Context } from '../run-command.ts'

export type ReadOptions = { readonly save?: string; readonly keepUnread?: boolean }

/** `mailx read`: shows a message after every check held, marks it as seen, saves its attachments. */
export async function readCommand(
  { account, output }: Context & { readonly account: Account },
  wanted: string,
  options: ReadOptions,
): Promise<void> {
  const payload = await readPayload(account, output, wanted)
  const saved = options.save === undefined ? [] : await save(account, payload, options.save, output)
  if (!options.keepUnread) await markSeen(account, payload.messageId)
  const { attachments, ...shown } = payload
  const files = attachments.map(({ filename, contentType, size }) => ({
    filename,
    contentType,
    size,
  }))
  output.result({ ...shown, attachments: files, saved }, render(payload, output))
  for (const path of saved) output.say(`saved ${path}`)
}

/** The opened message that `wanted` names. Throws the reason when a check fails. */
export async function readPayload(
  account: Account,
  output: Output,
  wanted: string,
): Promise<Payload> {
  const others = ({ from }: { from: string }) => from !== account.keyring.address
  const { id } = chooseMessage(await refreshMailbox(account, output), wanted, others)
  const [message] = await readMessages(account, [parseId(id)])
  if (message === undefined) throw new MailxError('NOT_FOUND', `message ${id} is gone`)
  if ('refused' in message) throw message.refused
  return message.opened.payload
}

async function markSeen(account: Account, messageId: string): Promise<void> {
  const request = { messageIds: [parseId(messageId)], add: ['seen'], remove: [] }
  await signedIn(account, (call) => account.transport.setFlags(request, call))
}

async function save(account: Account, payload: Payload, folder: string, output: Output) {
  await mkdir(folder, { recursive: true })
  const bar = output.progress('Fetching attachments', payload.attachments.length)
  const saved: string[] = []
  for (const [index, attachment] of payload.attachments.entries()) {
    const data = await readAttachment(account, attachment)
    // Only the last part of a name: a sender does not choose folders.
    const name = basename(attachment.filename.replaceAll('\\', '/')) || `attachment-${index + 1}`
    const path = join(folder, name)
    await writeFile(path, data, { flag: 'wx', mode: 0o600 }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
        throw new MailxError('ALREADY_EXISTS', `${path} is there already: save to another folder`)
      },
    )
    saved.push(path)
    bar.update(index + 1)
  }
  bar.stop()
  return saved
}

function render(payload: Payload, { colours }: Output): string {
  const field = (name: string, value: string) => `${colours.dim(name.padEnd(9))}${printable(value)}`
  const lines = [
    field('From', payload.from),
    field('To', payload.to.join(', ')),
    ...(payload.cc.length > 0 ? [field('Cc', payload.cc.join(', '))] : []),
    field('Date', payload.date),
    colours.bold(field('Subject', payload.subject)),
    field('Id', payload.messageId),
    ...payload.attachments.map(({ filename, size }) =>
      field('File', `${filename} (${size} bytes)`),
    ),
    colours.green('signature, device list, key log and content verified'),
    '',
    printable(payload.body),
  ]
  return lines.join('\n')
}
