import { randomBytes } from '@mailx/crypto/random'
import { formatId } from '@mailx/crypto/uuid'
import { readBlobs } from '@mailx/event-log/blobs'
import { decodeEvent, encodeEvent } from '@mailx/events/codec'
import { mailboxEvents } from '@mailx/events/mailbox'
import { submissionEvents } from '@mailx/events/submission'
import { callUnary } from '@mailx/grpc/client'
import { type MessageAccepted, Route } from '@mailx/proto/submission/v1/events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GatewayRig, startRig } from './testing/gateway-rig.ts'
import { sealedSubmission, someContent } from './testing/sealed-submission.ts'

let rig: GatewayRig
beforeAll(async () => {
  rig = await startRig()
  await rig.publishList('alice@a.test', 1, [new Uint8Array(16).fill(1)])
  await rig.publishList('bob@a.test', 1, [new Uint8Array(16).fill(1)])
})
afterAll(() => rig.stop())

const refusal = (code: string, message = /./) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

async function acceptedOf(messageId: Uint8Array): Promise<MessageAccepted | undefined> {
  const stream = `submission/${formatId(messageId)}/alice@a.test`
  const [stored] = await rig.log.readStream({ context: 'submission', key: 'alice@a.test', stream })
  return stored && decodeEvent(submissionEvents, stored)?.data
}

describe('a submission', () => {
  test('is accepted once it is committed, with a route for each recipient', async () => {
    const submission = sealedSubmission({ to: ['bob@a.test', 'carol@c.test', 'nobody@a.test'] })
    const result = await rig.submit(submission)
    expect(result.code).toBe('')
    expect(Number(result.acceptedAtUnixMs)).toBeGreaterThan(Date.now() - 60_000)
    const accepted = await acceptedOf(submission.messageId)
    expect(accepted?.recipients.map(({ address, route }) => [address, route])).toEqual([
      ['bob@a.test', Route.LOCAL],
      ['carol@c.test', Route.REMOTE],
      ['nobody@a.test', Route.UNDELIVERABLE],
    ])
    const hashes = accepted?.recipients.map(({ envelopeHash }) => envelopeHash) ?? []
    const blobs = await readBlobs(rig.pool, [accepted?.contentHash ?? new Uint8Array(0), ...hashes])
    expect(blobs).toHaveLength(3)
  })

  test('of the same bytes again is accepted again, as of the first time, and appends nothing', async () => {
    const submission = sealedSubmission({ to: ['bob@a.test'] })
    const first = await rig.submit(submission)
    const before = await rig.heads()
    expect(await rig.submit(submission)).toEqual(first)
    expect(await rig.heads()).toBe(before)
  })

  test('of another message under a used id is refused', async () => {
    const { messageId } = await rig.submit(sealedSubmission({ to: ['bob@a.test'] }))
    const before = await rig.heads()
    await expect(rig.submit(sealedSubmission({ to: ['bob@a.test'], messageId }))).rejects.toEqual(
      refusal('DUPLICATE_MESSAGE_ID'),
    )
    expect(await rig.heads()).toBe(before)
  })

  test('of one id twice at the same time is accepted once', async () => {
    const submission = sealedSubmission({ to: ['bob@a.test'] })
    const other = sealedSubmission({ to: ['bob@a.test'], messageId: submission.messageId })
    const results = await Promise.allSettled([rig.submit(submission), rig.submit(other)])
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  test('that is refused changes nothing, each with its own code', async () => {
    const to = ['bob@a.test']
    const minutes = 60_000
    const people = Array.from({ length: 101 }, (_, n) => `user${n}@c.test`)
    const before = await rig.heads()
    const refused: [Parameters<typeof rig.submit>[0], string, RegExp][] = [
      [sealedSubmission({ to: [] }), 'INVALID_ARGUMENT', /one per recipient/],
      [sealedSubmission({ to: people }), 'TOO_MANY_RECIPIENTS', /limit is 100/],
      [sealedSubmission({ to: [...to, ...to] }), 'INVALID_ARGUMENT', /named twice/],
      [sealedSubmission({ to, content: someContent(1_100_000) }), 'TOO_LARGE', /limit is 1044480/],
      [sealedSubmission({ to, content: randomBytes(10) }), 'BAD_CONTENT', /too short/],
      [{ ...sealedSubmission({ to }), content: someContent() }, 'BAD_CONTENT', /envelopes name/],
      [{ ...sealedSubmission({ to }), envelopes: [randomBytes(99)] }, 'BAD_ENVELOPE', /envelope/],
      [sealedSubmission({ to, envelope: { suite: 9 } }), 'UNSUPPORTED_VERSION', /suite 9/],
      [sealedSubmission({ to, from: 'bob@a.test' }), 'PERMISSION_DENIED', /signed in/],
      [sealedSubmission({ to, deviceId: randomBytes(16) }), 'PERMISSION_DENIED', /another device/],
      [sealedSubmission({ to, createdAt: Date.now() - 6 * minutes }), 'EXPIRED', /seal it again/],
      [sealedSubmission({ to, createdAt: Date.now() + 6 * minutes }), 'FROM_THE_FUTURE', /clock/],
      [sealedSubmission({ to, attachmentHashes: [randomBytes(32)] }), 'NOT_FOUND', /upload it/],
    ]
    for (const [submission, code, message] of refused) {
      await expect(rig.submit(submission)).rejects.toEqual(refusal(code, message))
    }
    expect(await rig.heads()).toBe(before)
  })

  test('that was accepted in time is accepted again when its repeat comes late', async () => {
    const submission = sealedSubmission({ to: ['bob@a.test'], createdAt: Date.now() - 299_000 })
    const first = await rig.submit(submission)
    rig.clock.aheadMs = 10_000
    const late = sealedSubmission({ to: ['bob@a.test'], createdAt: Date.now() - 299_000 })
    await expect(rig.submit(late)).rejects.toEqual(refusal('EXPIRED'))
    expect(await rig.submit(submission)).toEqual(first)
    rig.clock.aheadMs = 0
  })

  test('names attachments that were uploaded before, with their sizes', async () => {
    const data = randomBytes(70_000)
    const { hash } = await callUnary(rig.client.uploadBlob, { data }, rig.asAlice)
    const submission = sealedSubmission({ to: ['bob@a.test'], attachmentHashes: [hash] })
    await rig.submit(submission)
    const accepted = await acceptedOf(submission.messageId)
    expect(accepted?.attachments.map(({ size }) => size)).toEqual([70_000])
  })

  test('over 25 MiB with its attachments is refused', async () => {
    const attachmentHashes: Uint8Array[] = []
    for (let n = 0; n < 26; n += 1) {
      const data = new Uint8Array(1024 * 1024).fill(n)
      attachmentHashes.push((await callUnary(rig.client.uploadBlob, { data }, rig.asAlice)).hash)
    }
    const before = await rig.heads()
    await expect(
      rig.submit(sealedSubmission({ to: ['bob@a.test'], attachmentHashes })),
    ).rejects.toEqual(refusal('TOO_LARGE', /26214400 bytes/))
    expect(await rig.heads()).toBe(before)
  })
})

const upload = (bytes: number) =>
  callUnary(rig.client.uploadBlob, { data: new Uint8Array(bytes) }, rig.asAlice)

test('a part of an attachment is neither empty nor over 1 MiB', async () => {
  await expect(upload(0)).rejects.toEqual(refusal('INVALID_ARGUMENT', /empty/))
  await expect(upload(1024 * 1024 + 1)).rejects.toEqual(refusal('TOO_LARGE', /limit is 1048576/))
})

test('a full mailbox is refused by name, and nobody gets the message', async () => {
  await rig.publishList('fred@a.test', 1, [randomBytes(16)])
  const fill = async (type: 'MailboxFilled' | 'MailboxFreed') => {
    const data = { mailbox: 'fred@a.test', usedBytes: 9n, quotaBytes: 9n }
    await rig.log.append({
      context: 'mailbox',
      key: 'fred@a.test',
      stream: 'mailbox/fred@a.test',
      expectedVersion: 'any',
      events: [encodeEvent(mailboxEvents, { type, data })],
    })
  }
  const send = () =>
    rig.submit(sealedSubmission({ to: ['bob@a.test', 'fred@a.test'] })).then(
      () => 'accepted',
      ({ code, message }: Error & { code: string }) => `${code} ${message}`,
    )
  expect(await send()).toBe('accepted')
  await fill('MailboxFilled')
  await expect.poll(send).toMatch(/^QUOTA_EXCEEDED the mailbox of fred@a\.test is full/)
  const before = await rig.heads()
  await send()
  expect(await rig.heads()).toBe(before)
  await fill('MailboxFreed')
  await expect.poll(send).toBe('accepted')
})
