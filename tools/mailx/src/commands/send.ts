import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import type { Account } from '@mailx/client/account'
import { type Draft, sealDraft, submitSealed } from '@mailx/client/send'
import { formatId } from '@mailx/crypto/uuid'
import type { File } from '@mailx/envelope/attachment'
import { MAX_MESSAGE_BYTES } from '@mailx/envelope/limits'
import { MailxError } from '@mailx/errors/mailx-error'
import { currentTraceparent } from '@mailx/telemetry/propagation'
import { contentTypeOf } from '../content-type.ts'
import type { Output } from '../output.ts'
import type { Context } from '../run-command.ts'

export type BodyOptions = {
  readonly body?: string
  readonly bodyFile?: string
  readonly attach?: readonly string[]
}

export type SendOptions = BodyOptions & {
  readonly to: readonly string[]
  readonly cc?: readonly string[]
  readonly bcc?: readonly string[]
  readonly subject: string
  readonly copy: boolean
}

/** `mailx send`: the body from --body, --body-file, or stdin. */
export async function sendCommand(
  { account, output }: Context & { readonly account: Account },
  options: SendOptions,
): Promise<void> {
  const { to, cc = [], bcc = [], subject, copy } = options
  const content = await readContent(options)
  await sendDraft(account, { to, cc, bcc, subject, ...content, keepCopy: copy }, output)
}

/** Seals, uploads, submits, and says what became of it. */
export async function sendDraft(account: Account, draft: Draft, output: Output): Promise<void> {
  const sealed = await sealDraft(account, draft)
  const bar = output.progress('Uploading', sealed.parts.length + 1)
  const traceparent = currentTraceparent()
  const result = await submitSealed(account, sealed, {
    onProgress: (uploaded) => bar.update(uploaded),
  }).finally(() => bar.stop())
  const messageId = formatId(sealed.submission.messageId)
  const traceId = traceparent.split('-')[1] ?? ''
  output.result(
    {
      messageId,
      acceptedAt: new Date(Number(result.acceptedAtUnixMs)).toISOString(),
      ...(traceId && { traceId }),
    },
    `accepted ${messageId}`,
  )
}

/** Body and attachments of a message to be written. */
export async function readContent(
  options: BodyOptions,
): Promise<{ readonly body: string; readonly files: readonly File[] }> {
  const { body, bodyFile, attach = [] } = options
  if (body !== undefined && bodyFile !== undefined) {
    throw new MailxError('INVALID_ARGUMENT', 'give --body or --body-file, not both')
  }
  const files: File[] = []
  for (const path of attach) files.push(await readAttachmentFile(path))
  if (body !== undefined) return { body, files }
  if (bodyFile !== undefined && bodyFile !== '-') {
    return { body: await readFile(bodyFile, 'utf8').catch(noFile(bodyFile)), files }
  }
  if (process.stdin.isTTY) process.stderr.write('Write the message; end it with Ctrl-D.\n')
  return { body: await readAll(process.stdin), files }
}

async function readAttachmentFile(path: string): Promise<File> {
  const { size } = await stat(path).catch(noFile(path))
  if (size > MAX_MESSAGE_BYTES) {
    throw new MailxError(
      'TOO_LARGE',
      `${path} has ${size} bytes; a message with its attachments may have ${MAX_MESSAGE_BYTES}`,
    )
  }
  const filename = basename(path)
  const data = new Uint8Array(await readFile(path))
  return { filename, contentType: contentTypeOf(filename), data }
}

const noFile =
  (path: string) =>
  (error: NodeJS.ErrnoException): never => {
    throw new MailxError('NOT_FOUND', `cannot read ${path}: ${error.code ?? error.message}`)
  }
