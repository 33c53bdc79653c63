import { toHex } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { formatId } from '@mailx/crypto/uuid'
import type {
  Submission,
  SubmitResult,
  SubmitStreamResponse,
} from '@mailx/proto/client/v1/client_service'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GatewayRig, startRig } from '../testing/gateway-rig.ts'
import { sealedSubmission, someContent } from '../testing/sealed-submission.ts'

let rig: GatewayRig
beforeAll(async () => {
  rig = await startRig({ MESSAGES_PER_MINUTE_PER_SESSION: '5000' })
  await rig.publishList('bob@a.test', 1, [new Uint8Array(16).fill(1)])
})
afterAll(() => rig.stop())

type Ended = { readonly code: string; readonly details: string }

/** A stream of the user: what came back so far, and how it ended. */
function openStream(token = rig.tokenFor('alice@a.test')) {
  const call = rig.client.submitStream(rig.signedIn(token).metadata)
  const results: SubmitResult[] = []
  const frames: number[] = []
  const ended = new Promise<Ended>((resolve) => {
    call.on('data', (response: SubmitStreamResponse) => {
      frames.push(response.results.length)
      results.push(...response.results)
    })
    call.once('error', (error: Error & { metadata: { get(name: string): unknown[] } }) =>
      resolve({ code: String(error.metadata.get('mailx-code')[0]), details: error.message }),
    )
    call.once('end', () => resolve({ code: '', details: '' }))
  })
  return {
    send: (...submissions: Submission[]) => call.write({ submissions }),
    end: () => call.end(),
    results,
    frames,
    ended,
  }
}

const codes = (results: readonly SubmitResult[]) =>
  Object.fromEntries(results.map(({ messageId, code }) => [toHex(messageId), code]))

const message = () => sealedSubmission({ to: ['bob@a.test'] })

test('every submission of every frame gets its result, and the stream ends after the last', async () => {
  const stream = openStream()
  const submissions = Array.from({ length: 60 }, message)
  for (let n = 0; n < 60; n += 20) stream.send(...submissions.slice(n, n + 20))
  stream.end()
  expect((await stream.ended).code).toBe('')
  expect(stream.results).toHaveLength(60)
  expect(
    stream.results.every(({ code, acceptedAtUnixMs }) => code === '' && acceptedAtUnixMs > 0n),
  ).toBe(true)
  expect(new Set(stream.results.map(({ messageId }) => toHex(messageId))).size).toBe(60)
})

test('a result leaves before the stream ends', async () => {
  const stream = openStream()
  stream.send(message())
  await expect.poll(() => stream.results.map(({ code }) => code)).toEqual([''])
  stream.end()
  await stream.ended
})

test('a refused submission is a result of its own and spoils nothing', async () => {
  const stream = openStream()
  const good = message()
  const used = sealedSubmission({ to: ['bob@a.test'], messageId: good.messageId })
  const foreign = sealedSubmission({ to: ['bob@a.test'], from: 'bob@a.test' })
  const large = sealedSubmission({ to: ['bob@a.test'], content: someContent(1_050_000) })
  stream.send(good)
  await eventually(() => stream.results.length === 1)
  const before = await rig.heads()
  stream.send(foreign, large, good, used)
  stream.end()
  await stream.ended
  const [first, ...rest] = stream.results
  expect(codes(rest)).toMatchObject({
    [toHex(foreign.messageId)]: 'PERMISSION_DENIED',
    [toHex(large.messageId)]: 'TOO_LARGE',
  })
  const repeated = rest.filter(({ messageId }) => toHex(messageId) === toHex(good.messageId))
  expect(repeated.map(({ code }) => code).toSorted()).toEqual(['', 'DUPLICATE_MESSAGE_ID'])
  expect(repeated.find(({ code }) => code === '')).toEqual(first)
  expect(await rig.heads()).toBe(before)
})

test('a stream without a session ends before anything is taken', async () => {
  const before = await rig.heads()
  const stream = openStream(randomBytes(60))
  stream.send(message())
  expect((await stream.ended).code).toBe('UNAUTHENTICATED')
  expect(await rig.heads()).toBe(before)
})

test('a frame over its limits ends the stream with the limit’s name', async () => {
  const many = openStream()
  many.send(...Array.from({ length: 1001 }, () => ({ ...message(), content: new Uint8Array(0) })))
  expect(await many.ended).toEqual({
    code: 'TOO_LARGE',
    details: expect.stringMatching(/1001 submissions in a frame, the limit is 1000/),
  })
  const large = openStream()
  const before = await rig.heads()
  large.send(
    ...Array.from({ length: 5 }, () =>
      sealedSubmission({ to: ['bob@a.test'], content: someContent(900_000) }),
    ),
  )
  expect(await large.ended).toEqual({
    code: 'TOO_LARGE',
    details: expect.stringMatching(/bytes in a frame, the limit is 4194304/),
  })
  expect(await rig.heads()).toBe(before)
})

test('more than a session may send is refused with when to try again, and nothing is stored', async () => {
  const before = await rig.heads()
  const stream = openStream(rig.tokenFor('carl@a.test'))
  const submissions = Array.from({ length: 900 }, () => ({
    ...message(),
    content: new Uint8Array(0),
  }))
  for (let n = 0; n < 6; n += 1) stream.send(...submissions)
  stream.end()
  await stream.ended
  const limited = stream.results.filter(({ code }) => code === 'RATE_LIMITED')
  // A Redis that was slow for a moment makes the process count by itself, more strictly.
  expect(limited.length).toBeGreaterThanOrEqual(900)
  expect(limited.every(({ retryAfterMs }) => retryAfterMs > 0 && retryAfterMs <= 60_000)).toBe(true)
  expect(await rig.heads()).toBe(before)
})

test('messages get into the log in the order of the stream, whoever had to be looked up', async () => {
  const stream = openStream()
  const strangers = Array.from({ length: 20 }, (_, n) => `stranger${n}@a.test`)
  for (const stranger of strangers) await rig.publishList(stranger, 1, [new Uint8Array(16)])
  // Bob is known by now, so a message to him is ready before the one to a stranger ahead of it.
  const sent = strangers.flatMap((stranger) => [
    sealedSubmission({ to: [stranger] }),
    sealedSubmission({ to: ['bob@a.test'] }),
  ])
  const partition = rig.log.partitionOf('submission', 'alice@a.test')
  const [head] = (await rig.log.heads()).filter((one) => one.partition === partition)
  stream.send(...sent.slice(0, 30))
  stream.send(...sent.slice(30))
  stream.end()
  await stream.ended
  expect(stream.results.map(({ code }) => code)).toEqual(sent.map(() => ''))
  const stored = await rig.log.read({ partition, after: head?.position ?? 0n, limit: 100 })
  expect(stored.map((event) => event.stream)).toEqual(
    sent.map(({ messageId }) => `submission/${formatId(messageId)}/alice@a.test`),
  )
})

test('results that are decided together travel together', async () => {
  const stream = openStream()
  stream.send(...Array.from({ length: 200 }, message))
  stream.end()
  await stream.ended
  expect(stream.frames.length).toBeLessThan(50)
})
