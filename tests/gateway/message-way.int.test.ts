import type { Account } from '@mailx/client/account'
import { readMessages } from '@mailx/client/mailbox'
import { recover } from '@mailx/client/recover'
import { register } from '@mailx/client/register'
import { signedIn } from '@mailx/client/session'
import { randomBytes } from '@mailx/crypto/random'
import { signingKeyPair } from '@mailx/crypto/sign'
import type { Submission } from '@mailx/proto/client/v1/client_service'
import { sealSessionToken } from '@mailx/statement/session-token'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  claiming,
  listed,
  listen,
  pushed,
  refusal,
  sealed,
  submit,
  withContentOf,
} from './clients.ts'
import { type RealGateway, sessionKey, startRealGateway } from './real-gateway.ts'

let rig: RealGateway
let alice: Account
let bob: Account
let carol: Account

beforeAll(async () => {
  rig = await startRealGateway()
  alice = await rig.person('alice')
  bob = await rig.person('bob')
  carol = await rig.person('carol')
}, 60_000)

afterAll(() => rig.stop())

const tokenOf = (account: Account, times: { issuedAt: number; expiresAt: number }) =>
  sealSessionToken(
    {
      address: account.keyring.address,
      deviceId: account.keyring.device.id,
      sessionId: randomBytes(16),
      ...times,
    },
    [sessionKey],
  )

test('a message is accepted, pushed, listed, fetched and opened', async () => {
  const listening = await listen(bob)
  const submission = await sealed(alice, bob)
  expect((await submit(alice, submission)).code).toBe('')
  await pushed(listening, submission.messageId)
  await listed(bob, submission.messageId)
  const [read] = await readMessages(bob, [submission.messageId])
  if (read === undefined || !('opened' in read)) throw new Error('the message did not open')
  expect(read.opened.payload).toMatchObject({ from: 'alice@a.test', body: 'there' })
  listening.stop()
  await listening.ended
})

test('the same message again is accepted as of the first time, and is there once', async () => {
  const submission = await sealed(alice, bob)
  const first = await submit(alice, submission)
  const before = await rig.heads()
  expect(await submit(alice, submission)).toEqual(first)
  expect(await rig.heads()).toBe(before)
  await listed(bob, submission.messageId)
})

test('another message under a used id is refused', async () => {
  const submission = await sealed(alice, bob)
  await submit(alice, submission)
  const before = await rig.heads()
  const other = withContentOf(submission, await sealed(alice, bob))
  await expect(submit(alice, other)).rejects.toEqual(refusal('DUPLICATE_MESSAGE_ID'))
  expect(await rig.heads()).toBe(before)
})

describe('refused, with nothing changed:', () => {
  const minutes = 60_000
  const cases: readonly [string, string, (submission: Submission) => Submission][] = [
    ['no envelope', 'INVALID_ARGUMENT', (s) => ({ ...s, envelopes: [] })],
    ['an id of 15 bytes', 'INVALID_ARGUMENT', (s) => ({ ...s, messageId: randomBytes(15) })],
    [
      'a recipient twice',
      'INVALID_ARGUMENT',
      (s) => ({ ...s, envelopes: [...s.envelopes, ...s.envelopes] }),
    ],
    [
      'over a hundred recipients',
      'TOO_MANY_RECIPIENTS',
      (s) => ({
        ...s,
        envelopes: Array.from(
          { length: 101 },
          (_, n) => claiming(s, { recipient: `u${n}@b.test` }).envelopes[0] ?? new Uint8Array(),
        ),
      }),
    ],
    [
      'content over the limit',
      'TOO_LARGE',
      (s) => ({ ...s, content: new Uint8Array(1024 * 1024).fill(1) }),
    ],
    [
      'an envelope over the limit',
      'TOO_LARGE',
      (s) => ({ ...s, envelopes: [new Uint8Array(5000).fill(1)] }),
    ],
    ['an envelope of noise', 'BAD_ENVELOPE', (s) => ({ ...s, envelopes: [randomBytes(200)] })],
    ['another sender', 'PERMISSION_DENIED', (s) => claiming(s, { sender: 'bob@a.test' })],
    [
      'another device',
      'PERMISSION_DENIED',
      (s) => claiming(s, { senderDeviceId: randomBytes(16) }),
    ],
    [
      'a message six minutes old',
      'EXPIRED',
      (s) => claiming(s, { createdAtUnixMs: BigInt(Date.now() - 6 * minutes) }),
    ],
    [
      'a message six minutes ahead',
      'FROM_THE_FUTURE',
      (s) => claiming(s, { createdAtUnixMs: BigInt(Date.now() + 6 * minutes) }),
    ],
    [
      'an attachment that was not uploaded',
      'NOT_FOUND',
      (s) => ({ ...s, attachmentHashes: [randomBytes(32)] }),
    ],
  ]
  test.each(cases)('%s is %s', async (_what, code, change) => {
    const submission = await sealed(alice, bob)
    const before = await rig.heads()
    await expect(submit(alice, change(submission))).rejects.toEqual(refusal(code))
    expect(await rig.heads()).toBe(before)
  })

  test('envelopes that commit to different keys are BAD_ENVELOPE', async () => {
    const submission = await sealed(alice, bob, carol)
    const split = claiming(submission, { keyCommitment: randomBytes(32) }, (index) => index === 1)
    const before = await rig.heads()
    await expect(submit(alice, split)).rejects.toEqual(refusal('BAD_ENVELOPE'))
    expect(await rig.heads()).toBe(before)
  })
})

test('a frame is decided message by message, the bad one alone is refused', async () => {
  const good = [await sealed(alice, bob), await sealed(alice, bob), await sealed(alice, carol)]
  const bad = claiming(await sealed(alice, bob), { sender: 'bob@a.test' })
  const codes = await signedIn(alice, async (call) => {
    const stream = alice.transport.submitStream(call)
    await stream.send([...good, bad])
    stream.end()
    const decided = new Map<string, string>()
    for await (const results of stream.results) {
      for (const { messageId, code } of results) {
        decided.set(Buffer.from(messageId).toString('hex'), code)
      }
    }
    return [...good, bad].map(({ messageId }) =>
      decided.get(Buffer.from(messageId).toString('hex')),
    )
  })
  expect(codes).toEqual(['', '', '', 'PERMISSION_DENIED'])
  for (const { messageId } of good.slice(0, 2)) await listed(bob, messageId)
})

const usage = (account: Account, token: Uint8Array) => account.transport.getUsage({}, { token })

describe('a session', () => {
  test('sealed with another key is refused', async () => {
    const times = { issuedAt: Date.now(), expiresAt: Date.now() + 60_000 }
    const token = tokenOf(alice, times)
    token[token.length - 1] = (token.at(-1) ?? 0) ^ 1
    await expect(usage(alice, token)).rejects.toEqual(refusal('UNAUTHENTICATED'))
  })

  test('that is over is refused, and ends its stream', async () => {
    const issuedAt = Date.now() - 60_000
    const over = tokenOf(alice, { issuedAt, expiresAt: Date.now() - 1 })
    await expect(usage(alice, over)).rejects.toEqual(refusal('SESSION_EXPIRED'))
    const short = tokenOf(alice, { issuedAt, expiresAt: Date.now() + 1_500 })
    const listening = await listen(alice, short)
    expect(await listening.ended).toEqual(refusal('SESSION_EXPIRED'))
  })

  test('of a struck off device is refused, and ends its stream', async () => {
    const recovery = randomBytes(16)
    const lost = rig.visitor('grace', recovery, 'lost')
    await register(lost)
    const listening = await listen(lost)
    const found = rig.visitor('grace', recovery, 'found')
    expect(signingKeyPair(found.keyring.userSeed)).toEqual(signingKeyPair(lost.keyring.userSeed))
    await recover(found, { revokeOthers: true })
    expect(await listening.ended).toEqual(refusal('DEVICE_REVOKED'))
    const token = lost.session?.token ?? new Uint8Array()
    await eventually(() => expect(usage(lost, token)).rejects.toEqual(refusal('DEVICE_REVOKED')))
    await signedIn(found, (call) => found.transport.getUsage({}, call))
  })
})
