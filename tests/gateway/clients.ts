import type { Account } from '@mailx/client/account'
import { listChanges } from '@mailx/client/mailbox'
import { sealDraft } from '@mailx/client/send'
import { signedIn, withSession } from '@mailx/client/session'
import { equal } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import type { Notification, Submission, SubmitResult } from '@mailx/proto/client/v1/client_service'
import { Envelope } from '@mailx/proto/envelope/v1/envelope'
import { eventually } from '@mailx/testing/eventually'
import { expect } from 'vitest'

export const refusal = (code: string) => expect.objectContaining({ code })

/** A message that its recipients can open, not sent yet. */
export async function sealed(from: Account, ...to: readonly Account[]): Promise<Submission> {
  const draft = {
    to: to.map(({ keyring }) => keyring.address),
    subject: 'Hello',
    body: 'there',
    keepCopy: false,
  }
  return (await sealDraft(from, draft)).submission
}

export const submit = (from: Account, submission: Submission): Promise<SubmitResult> =>
  signedIn(from, (call) => from.transport.submit(submission, call))

/** The submission with other claims in its envelopes: what a client that lies would send. */
export const claiming = (
  submission: Submission,
  claims: Partial<Envelope>,
  which: (index: number) => boolean = () => true,
): Submission => ({
  ...submission,
  envelopes: submission.envelopes.map((bytes, index) =>
    which(index) ? Envelope.encode({ ...Envelope.decode(bytes), ...claims }).finish() : bytes,
  ),
})

/** Another content under the same message id, and envelopes that name it. */
export function withContentOf(submission: Submission, other: Submission): Submission {
  const contentHash = blake2b256(other.content)
  return { ...claiming(submission, { contentHash }), content: other.content }
}

/** Waits until the message is in the mailbox. */
export const listed = (account: Account, messageId: Uint8Array): Promise<void> =>
  eventually(
    async () => {
      const { entries } = await listChanges(account, new Uint8Array())
      const found = entries.filter((entry) => equal(entry.messageId, messageId))
      if (found.length !== 1) throw new Error(`listed ${found.length} times`)
    },
    { timeoutMs: 15_000 },
  )

/** Everything that an open stream was told, and how it ended. */
export type Listening = {
  readonly heard: readonly Notification[]
  readonly ended: Promise<unknown>
  readonly stop: () => void
}

/** Resolves when the server says that from now on every change is pushed. */
export async function listen(account: Account, token?: Uint8Array): Promise<Listening> {
  const abort = new AbortController()
  const session = token ? { token } : await withSession(account)
  const stream = account.transport.subscribe({ ...session, signal: abort.signal })
  const heard: Notification[] = []
  const ended = (async () => {
    try {
      for await (const notification of stream) heard.push(notification)
      return undefined
    } catch (error) {
      return error
    }
  })()
  await eventually(() => heard[0]?.event?.$case === 'resync', { timeoutMs: 5_000 })
  return { heard, ended, stop: () => abort.abort() }
}

export const pushed = ({ heard }: Listening, messageId: Uint8Array): Promise<unknown> =>
  eventually(() =>
    heard.some(({ event }) => event?.$case === 'entry' && equal(event.value.messageId, messageId)),
  )
