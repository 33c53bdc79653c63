import type { Account } from '@mailx/client/account'
import { sealDraft, submitSealed } from '@mailx/client/send'
import { randomBytes } from '@mailx/crypto/random'
import { formatId } from '@mailx/crypto/uuid'
import type { Stack } from '@mailx/dev-tool/stack'
import type { TraceSpan } from '@mailx/otel-view-tool/trace-span'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { deploymentOf } from './database.ts'
import { patience, person, receive, settled, testStack } from './people.ts'
import { run } from './programs.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let stack: Stack
let alice: Account
let bob: Account

// Neither domain lists the other one as a peer whose traces it continues.
beforeAll(async () => {
  const env = { TRACE_PEERS: '' }
  stack = await testStack('trace', { a: ['a.test'], b: ['b.test'] }, { env })
  alice = await person(stack, 'alice@a.test')
  bob = await person(stack, 'bob@b.test')
})
afterAll(async () => {
  for (const { transport } of [alice, bob]) transport.close()
  await stack.stop()
})

const databaseUrl = (name: string) =>
  deploymentOf(stack, name).deployment.envOf('operator')['DATABASE_URL'] ?? ''
const newTrace = () => Buffer.from(randomBytes(16)).toString('hex')

type Step = { readonly step: string; readonly by: string; readonly note: string }
type Shown = {
  readonly missing: readonly string[]
  readonly steps: readonly Step[]
  readonly waterfall: readonly TraceSpan[]
}

async function traceOf(id: Uint8Array, env: Readonly<Record<string, string>>): Promise<Shown> {
  const args = ['--json', 'trace', formatId(id)]
  const { exitCode, stdout } = await run('mailxctl', args, { env })
  if (exitCode !== 0) throw new Error(stdout)
  const lines = stdout.trim().split('\n')
  const [head, ...rest] = lines.map((line) => JSON.parse(line) as Shown)
  const steps = rest.slice(0, -1) as unknown as Step[]
  return { missing: head?.missing ?? [], steps, waterfall: rest.at(-1)?.waterfall ?? [] }
}

/** Alice writes to bob, who reads it, each in a trace of their own. */
async function tracedExchange() {
  const traceIds = { sent: newTrace(), read: newTrace() }
  const within = (account: Account, traceId: string) => ({
    ...account,
    traceparent: () => `00-${traceId}-00f067aa0ba902b7-01`,
  })
  const sealed = await sealDraft(alice, { to: ['bob@b.test'], subject: 'Traced', body: '' })
  await submitSealed(within(alice, traceIds.sent), sealed)
  const id = sealed.submission.messageId
  await receive(within(bob, traceIds.read), id)
  await settled(alice, id, { 'bob@b.test': 'delivered' })
  return { id, traceIds }
}

test('a stranger’s trace is linked to, not continued; the waterfall joins both and what was read', async () => {
  const { id, traceIds } = await tracedExchange()
  const env = {
    DATABASE_URL: databaseUrl('a'),
    ALSO_DATABASE_URLS: databaseUrl('b'),
    TRACES_URL: stack.traces?.endpoint ?? '',
  }
  const wanted = [
    'submitted',
    'accepted',
    'published',
    'received',
    'stored',
    'delivered',
    'fetched',
  ]
  const { missing, waterfall } = await eventually(async () => {
    const shown = await traceOf(id, env)
    expect(shown.steps.map(({ step }) => step)).toEqual(expect.arrayContaining(wanted))
    return shown
  }, patience)
  expect(missing).toEqual([])

  const named = (name: string) => {
    const span = waterfall.find((one) => one.name.startsWith(name))
    if (span === undefined) throw new Error(`no ${name} in the waterfall`)
    return span
  }
  const [deliver, received] = [named('deliver'), named('receive delivery')]
  expect(deliver.traceId).toBe(traceIds.sent)
  expect(received.traceId).not.toBe(traceIds.sent)
  expect(received.links).toEqual([{ traceId: deliver.traceId, spanId: deliver.spanId }])
  expect(received.attributes['mailx.delivery.id']).toBe(deliver.attributes['mailx.delivery.id'])
  expect(deliver.attributes['mailx.delivery.id']).toMatch(/^[0-9a-f]{32}$/)
  expect(named('fetch')).toMatchObject({ traceId: traceIds.read })
  expect(named('fetch').links.map(({ traceId }) => traceId)).toEqual([received.traceId])
  // Events hang below the spans that appended them.
  const append = named('append reception')
  const at = { traceId: received.traceId, parentSpanId: append.spanId, service: 'log b.test' }
  expect(named('◆ MessageReceived from a.test')).toMatchObject(at)
  expect(JSON.stringify(waterfall)).not.toMatch(/(alice|bob)@/)
})

test('with one domain’s log alone, and no traces, what is known is shown and the rest named', async () => {
  const { id } = await tracedExchange()
  const gone = 'postgres://mailx@127.0.0.1:9/mailx'
  const shown = await traceOf(id, { DATABASE_URL: databaseUrl('a'), ALSO_DATABASE_URLS: gone })
  expect(shown.steps.map(({ step }) => step)).toEqual(['accepted', 'delivered'])
  expect(shown.missing).toEqual([
    expect.stringContaining('Postgres'),
    expect.stringContaining('say where traces are kept'),
  ])
  const unknown = { DATABASE_URL: databaseUrl('b') }
  await expect(traceOf(randomBytes(16), unknown)).rejects.toThrow('NOT_FOUND')
})
