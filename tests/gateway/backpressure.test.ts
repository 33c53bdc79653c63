import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sealDraft } from '@mailx/client/send'
import { signedIn } from '@mailx/client/session'
import type { Stack } from '@mailx/dev-tool/stack'
import { defaultPlan, type LoadPlan } from '@mailx/loadtest-tool/load-plan'
import { homeOf, roomyLimits } from '@mailx/loadtest-tool/own-stack'
import { type People, registerPeople } from '@mailx/loadtest-tool/people'
import { procWatch } from '@mailx/loadtest-tool/proc-watch'
import { runLoad } from '@mailx/loadtest-tool/run-load'
import { verifyJournal } from '@mailx/loadtest-tool/verify-journal'
import { eventually } from '@mailx/testing/eventually'
import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { databaseOf, deploymentOf } from '../exchange/database.ts'
import { testStack } from '../exchange/people.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 180_000 })

const MIB = 1024 * 1024
const BUDGET_MIB = 8
/** Each could have 8 MiB under way. */
const STREAMS = 24
const FRAME_MIB = 1
const MESSAGE_BYTES = 256 * 1024
const MESSAGES = 600
const OFFERED_MIB = (MESSAGES * MESSAGE_BYTES) / MIB
/**
 * What may be over the budget: of each stream the frame that was on its way when it was used up; outside
 * of V8's heap also windows, the batches being written, and what is not collected yet; and in all what V8
 * has taken and not given back.
 */
const MARGIN_MIB = { undecided: STREAMS * FRAME_MIB, external: 96, rss: 128 }

let stack: Stack
let database: Pool
let people: People

beforeAll(async () => {
  stack = await testStack(
    'backpressure',
    { a: ['a.test'] },
    { separate: true, env: { LOG_LEVEL: 'warn', ...roomyLimits, UNDECIDED_MIB: `${BUDGET_MIB}` } },
  )
  database = databaseOf(deploymentOf(stack, 'a'))
  people = await registerPeople(['a.test'], {
    home: homeOf(stack.dns.address),
    connections: STREAMS,
    users: STREAMS,
    prefix: 'flooder',
  })
})

afterAll(async () => {
  people.close()
  await database.end()
  await stack.stop()
})

/** Holds the heads of all partitions for submissions, so that nothing can be appended. */
async function holdLog(): Promise<() => Promise<void>> {
  const client = await database.connect()
  await client.query('set idle_in_transaction_session_timeout = 0')
  await client.query("begin; select 1 from log.partitions where context = 'submission' for update")
  return async () => {
    await client.query('rollback')
    client.release(true)
  }
}

const gateway = () => {
  const found = deploymentOf(stack, 'a').processes.find(({ name }) => name === 'gateway')
  if (found === undefined) throw new Error('no gateway runs')
  return found
}

/** What the gateway's process holds, in MiB. */
async function held(): Promise<number> {
  const usages = await procWatch([{ name: 'gateway', pid: () => gateway().process.pid }])()
  const rssBytes = usages['gateway']?.rssBytes
  if (rssBytes === undefined) throw new Error('this system does not say what a process holds')
  return rssBytes / MIB
}

type Sample = { readonly rss: number; readonly external: number; readonly undecided: number }

/** In MiB. */
async function sample(): Promise<Sample> {
  const answer = await fetch(`http://127.0.0.1:${gateway().opsPort}/metrics`)
  const text = await answer.text()
  const metric = (name: string) => {
    const value = new RegExp(`^${name}(?:\\{.*\\})? ([\\d.e+]+)$`, 'm').exec(text)?.[1]
    if (value === undefined) throw new Error(`no metric ${name}`)
    return Number(value) / MIB
  }
  return {
    rss: await held(),
    external: metric('nodejs_external_memory_bytes'),
    undecided: metric('mailx_gateway_undecided_bytes'),
  }
}

const plan: LoadPlan = {
  ...defaultPlan,
  sizes: [{ min: MESSAGE_BYTES, max: MESSAGE_BYTES, weight: 1 }],
  drainMs: 120_000,
  answerWithinMs: 120_000,
}

test('while the log stands still memory stays within the budget, calls are refused, and afterwards everything is there', async () => {
  const small = { kind: 'steps', steps: [{ perSecond: 100, ms: 2_000 }], spacing: 'fixed' } as const
  const warm = await runLoad({ people, plan: { ...plan, pace: small } })
  expect(warm).toMatchObject({ accepted: 200, unheard: 0 })
  const before = await sample()

  const journal = join(stack.logDir, 'backpressure.journal')
  const steps = [{ perSecond: MESSAGES / 2, ms: 2_000 }]
  const release = await holdLog()
  const samples: Sample[] = []
  const running = runLoad({
    people,
    plan: { ...plan, pace: { kind: 'steps', steps, spacing: 'fixed' } },
    journal,
  })
  const over = new AbortController()
  const watching = (async () => {
    while (!over.signal.aborted) {
      samples.push(await sample())
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })()
  const refused = await refusedWhenFull(samples).finally(() => void release())
  over.abort()
  await watching
  const result = await running

  expect(refused).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  expect(await refusedCalls()).toBe(1)
  expect(refused.retryAfterMs).toBeGreaterThanOrEqual(1_000)
  expect(refused.retryAfterMs).toBeLessThanOrEqual(10_000)
  const most = (of: keyof Sample) => Math.max(...samples.map((one) => one[of])) - before[of]
  for (const of of ['undecided', 'external', 'rss'] as const) {
    expect(most(of)).toBeLessThanOrEqual(BUDGET_MIB + MARGIN_MIB[of])
    expect(OFFERED_MIB).toBeGreaterThan(BUDGET_MIB + MARGIN_MIB[of])
  }

  expect(result).toMatchObject({ sent: MESSAGES, accepted: MESSAGES, refused: 0, unheard: 0 })
  const home = homeOf(stack.dns.address)
  const verdict = await verifyJournal({ journal, home, people, settleMs: 60_000 })
  expect(verdict).toMatchObject({ accepted: MESSAGES, delivered: MESSAGES, problems: [] })
  await rm(journal)
})

/** As operators see them. */
async function refusedCalls(): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${gateway().opsPort}/metrics`)
  const line = /^mailx_gateway_submissions_total\{.*code="RESOURCE_EXHAUSTED".*\} (\d+)/m
  return Number(line.exec(await answer.text())?.[1])
}

/** First it is all sealed; and what the streams still bring when the budget is used up, they bring soon. */
async function refusedWhenFull(samples: readonly Sample[]) {
  await eventually(() => (samples.at(-1)?.undecided ?? 0) >= BUDGET_MIB, { timeoutMs: 120_000 })
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  return refusedCall()
}

/** How a call ends that comes while streams have used up the budget. */
async function refusedCall(): Promise<{ readonly code: string; readonly retryAfterMs: number }> {
  const [from, to] = people.everybody
  if (from === undefined || to === undefined) throw new Error('nobody is there')
  const draft = { to: [to.address], subject: 'Call', body: 'x'.repeat(1_000), keepCopy: false }
  const { submission } = await sealDraft(from.account, draft)
  try {
    await signedIn(from.account, (call) => from.account.transport.submit(submission, call))
  } catch (error) {
    return error as { code: string; retryAfterMs: number }
  }
  throw new Error('the call was accepted')
}
