import { AsyncLocalStorage } from 'node:async_hooks'
import { appendRequest } from '@mailx/event-log/test-log'
import { withSpan } from '@mailx/telemetry/tracer'
import { eventually } from '@mailx/testing/eventually'
import {
  type Attributes,
  type Context,
  context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  trace,
} from '@opentelemetry/api'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { CONTEXT, type TestRunner, testRunner } from './test-runner.ts'

type Recorded = {
  name: string
  traceId: string
  spanId: string
  parentId: string | undefined
  attributes: Attributes
  links: readonly Link[]
  ended: boolean
}

/** The smallest tracer that records: what an SDK would send away stays in a list. */
const spans: Recorded[] = []
let ids = 0

function startSpan(name: string, options: SpanOptions = {}, parent: Context = ROOT_CONTEXT): Span {
  const above = options.root === true ? undefined : trace.getSpanContext(parent)
  ids += 1
  const spanId = ids.toString(16).padStart(16, '0')
  const traceId = above?.traceId ?? ids.toString(16).padStart(32, '0')
  const recorded: Recorded = {
    name,
    traceId,
    spanId,
    parentId: above?.spanId,
    attributes: { ...options.attributes },
    links: options.links ?? [],
    ended: false,
  }
  spans.push(recorded)
  const span = {
    spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
    setAttribute: (key: string, value: string) => (recorded.attributes[key] = value),
    setStatus: () => span,
    end: () => (recorded.ended = true),
    isRecording: () => true,
  } as unknown as Span
  return span
}

let t: TestRunner

beforeAll(() => {
  const storage = new AsyncLocalStorage<Context>()
  context.setGlobalContextManager({
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, run, self, ...args) => storage.run(active, () => run.apply(self, args)),
    bind: (_, target) => target,
    enable: () => context as never,
    disable: () => context as never,
  })
  trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) as never })
})
afterAll(() => {
  trace.disable()
  context.disable()
})
beforeEach(async () => {
  spans.length = 0
  t = await testRunner({ [CONTEXT]: 1 })
  t.startRelay()
})
afterEach(() => t.drop())

const named = (name: string) => spans.filter((span) => span.name === name)
const one = (name: string) => {
  const [span] = named(name)
  if (span === undefined) throw new Error(`no span ${name} in ${spans.map((s) => s.name).join()}`)
  return span
}
const append = (stream: string) =>
  t.log.append(appendRequest({ stream, events: [{ type: 'Counted', data: new Uint8Array([1]) }] }))

test('one trace leads from the request over append and publish to the projection', async () => {
  const runner = await t.run()
  await withSpan('submit', {}, () => append('traced'))
  await runner.caughtUp()
  await eventually(() => named('publish log.submission').length > 0)
  const submit = one('submit')
  const appended = one('append submission')
  expect(appended).toMatchObject({
    parentId: submit.spanId,
    attributes: {
      'db.system.name': 'postgresql',
      'mailx.log.partition': 'submission-0',
      'mailx.log.position': '1',
    },
  })
  expect(one('publish log.submission')).toMatchObject({
    traceId: submit.traceId,
    parentId: appended.spanId,
    attributes: { 'messaging.system': 'nats', 'messaging.operation.type': 'send' },
  })
  expect(one('process test.sums')).toMatchObject({
    traceId: submit.traceId,
    parentId: appended.spanId,
    attributes: { 'messaging.operation.type': 'process', 'messaging.message.id': 'submission-0/1' },
  })
  await eventually(() => spans.every(({ ended }) => ended))
})

test('a batch of several traces links to them, and each event is processed in its own', async () => {
  const runner = await t.run()
  const submissions = ['a', 'b', 'c'].map((name) =>
    withSpan(`submit ${name}`, {}, () => append(name)),
  )
  await Promise.all(submissions)
  await runner.caughtUp()
  const appended = named('append submission')
  const traceIds = appended.map(({ traceId }) => traceId)
  expect(new Set(traceIds).size).toBe(3)
  const commit = one('commit submission-0')
  expect(commit.parentId).toBeUndefined()
  expect(commit.links.map((link) => link.context.traceId)).toEqual(traceIds)
  expect(named('process test.sums').map(({ traceId }) => traceId)).toEqual(traceIds)
  await eventually(() => named('publish log.submission').length > 0)
  expect(one('publish log.submission').links).toHaveLength(3)
})

test('what is not traced makes no spans', async () => {
  const runner = await t.run()
  await append('untraced')
  await runner.caughtUp()
  expect(spans).toEqual([])
})
