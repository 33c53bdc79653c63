import { toHex } from '@mailx/crypto/encoding'
import { formatId } from '@mailx/crypto/uuid'
import type { StoredEvent } from '@mailx/event-log/event-log'
import type { SubmitResult, SubmitStreamResponse } from '@mailx/proto/client/v1/client_service'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GatewayRig, startRig } from '../testing/gateway-rig.ts'
import { sealedSubmission, someContent } from '../testing/sealed-submission.ts'

const MANY = '1000000'

let rig: GatewayRig
beforeAll(async () => {
  rig = await startRig({
    MESSAGES_PER_MINUTE_PER_SESSION: MANY,
    COPIES_PER_HOUR_PER_ADDRESS: MANY,
    // More than the log lets wait: what is refused here, it refuses.
    UNDECIDED_MIB: '1024',
  })
  await rig.publishList('bob@a.test', 1, [new Uint8Array(16)])
})
afterAll(() => rig.stop())

/** Holds the heads of all partitions for submissions, so that nothing can be appended. */
async function holdLog(): Promise<() => Promise<void>> {
  const client = await rig.pool.connect()
  await client.query('set idle_in_transaction_session_timeout = 0')
  await client.query("begin; select 1 from log.partitions where context = 'submission' for update")
  return async () => {
    await client.query('rollback')
    client.release(true)
  }
}

const content = someContent(64 * 1024)

/** Sends messages one by one as fast as the stream takes them. */
function flood(sender: string, count: number) {
  const call = rig.client.submitStream(rig.signedIn(rig.tokenFor(sender)).metadata)
  const results: SubmitResult[] = []
  const state = { taken: 0 }
  const ended = new Promise<void>((resolve, reject) => {
    call.on('data', (response: SubmitStreamResponse) => results.push(...response.results))
    call.once('end', resolve)
    call.once('error', reject)
  })
  const writing = (async () => {
    for (; state.taken < count; state.taken += 1) {
      const submission = sealedSubmission({ from: sender, to: ['bob@a.test'], content })
      if (call.write({ submissions: [submission] })) continue
      await new Promise<void>((resolve) => call.once('drain', () => resolve()))
    }
    call.end()
  })()
  return { state, results, done: () => Promise.all([writing, ended]) }
}

/** Everything that was appended for these senders. */
async function storedStreams(senders: readonly string[]): Promise<Set<string>> {
  const streams = new Set<string>()
  for (const partition of rig.log.partitionsOf('submission')) {
    let page: readonly StoredEvent[] = []
    do {
      page = await rig.log.read({ partition, after: page.at(-1)?.position ?? 0n, limit: 500 })
      for (const { stream } of page) {
        expect(streams.has(stream)).toBe(false)
        streams.add(stream)
      }
    } while (page.length > 0)
  }
  const own = [...streams].filter((stream) => senders.includes(stream.split('/')[2] ?? ''))
  return new Set(own)
}

const streamOf = (sender: string, { messageId }: SubmitResult) =>
  `submission/${formatId(messageId)}/${sender}`

/** Two looks in a row see the same number of messages leave. */
async function atStandstill(floods: readonly { readonly state: { readonly taken: number } }[]) {
  let before = -1
  await eventually(
    () => {
      const now = floods.reduce((sum, { state }) => sum + state.taken, 0)
      const still = now === before && now > 0
      before = now
      return still
    },
    { everyMs: 500, timeoutMs: 20_000 },
  )
}

test('a log that stands still holds back the sender, who goes on when it moves', async () => {
  const release = await holdLog()
  const alice = flood('alice@a.test', 600)
  await atStandstill([alice])
  const { taken } = alice.state
  await release()
  await alice.done()
  expect(taken).toBeLessThan(600)
  expect(new Set(alice.results.map(({ messageId }) => toHex(messageId))).size).toBe(600)
  const accepted = alice.results.filter(({ code }) => code === '')
  expect(accepted.length).toBeGreaterThanOrEqual(taken / 2)
  const stored = await storedStreams(['alice@a.test'])
  for (const result of accepted) expect(stored).toContain(streamOf('alice@a.test', result))
}, 60_000)

test('when more waits than the log allows, the rest is refused with when to try again', async () => {
  const senders = Array.from({ length: 12 }, (_, n) => `flooder${n}@a.test`)
  const perSender = 500
  const release = await holdLog()
  const floods = senders.map((sender) => flood(sender, perSender))
  await eventually(
    () => floods.some(({ results }) => results.some(({ code }) => code === 'RESOURCE_EXHAUSTED')),
    { timeoutMs: 20_000 },
  )
  await atStandstill(floods)
  await release()
  await Promise.all(floods.map(({ done }) => done()))

  const results = floods.flatMap((one, n) =>
    one.results.map((result) => ({ ...result, stream: streamOf(senders[n] ?? '', result) })),
  )
  expect(results).toHaveLength(senders.length * perSender)
  const refused = results.filter(({ code }) => code === 'RESOURCE_EXHAUSTED')
  expect(refused.every(({ retryAfterMs }) => retryAfterMs > 0)).toBe(true)
  const stored = await storedStreams(senders)
  const accepted = results.filter(({ code }) => code === '')
  expect(accepted.length).toBeGreaterThan(0)
  expect(accepted.filter(({ stream }) => !stored.has(stream))).toEqual([])
  expect(refused.filter(({ stream }) => stored.has(stream))).toEqual([])
}, 90_000)
