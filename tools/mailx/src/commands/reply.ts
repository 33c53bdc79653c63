import type { Account } from '@mailx/client/account'
import type { Context } from '../run-command.ts'
import { readPayload } from './read.ts'
import { type BodyOptions, readContent, sendDraft } from './send.ts'

export type ReplyOptions = BodyOptions & { readonly all?: boolean; readonly quote?: boolean }

/** `mailx reply`: to the sender, or with --all to everybody who could see the message. */
export async function replyCommand(
  { account, output }: Context & { readonly account: Account },
  wanted: string,
  options: ReplyOptions,
): Promise<void> {
  const original = await readPayload(account, output, wanted)
  const { body, files } = await readContent(options)
  const own = account.keyring.address
  const others = options.all ? [...original.to, ...original.cc].filter((to) => to !== own) : []
  const quoted = options.quote
    ? `\n\n${original.from} wrote on ${original.date}:\n${original.body.replace(/^/gm, '> ')}`
    : ''
  await sendDraft(
    account,
    {
      to: [original.from],
      cc: others.filter((address) => address !== original.from),
      subject: /^re:/i.test(original.subject) ? original.subject : `Re: ${original.subject}`,
      body: `${body}${quoted}`,
      files,
      inReplyTo: original.messageId,
      references: [...original.references, original.messageId].slice(-100),
    },
    output,
  )
}
