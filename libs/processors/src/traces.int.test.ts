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
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { withApplySpans, withProcessSpans } from './process-spans.ts'
import { CONTEXT, type TestRunner, testRunner } from './test-runner.ts'

type Recorded = {
  name: string
  traceId: string
  spanId: string
  parentId: string | undefined
  attributes: Attributes
  links: Link[]
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
    links: [],
    ended: false,
  }
  spans.push(recorded)
  const span = {
    spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
    setAttribute: (key: string, value: string) => (recorded.attributes[key] = value),
    setAttributes: (attributes: Attributes) => Object.assign(recorded.attributes, attributes),
    addLinks: (links: readonly Link[]) => recorded.links.push(...links),
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
  const received = named('receive test.sums').flatMap(({ links, parentId }) => {
    expect(parentId).toBeUndefined()
    return links.map((link) => link.context.traceId)
  })
  // The first may have come alone, before the others.
  expect(traceIds).toEqual(expect.arrayContaining(received))
  await eventually(() => named('publish log.submission').length > 0)
  expect(one('publish log.submission').links).toHaveLength(3)
})

const MINUTE_MS = 60_000
const event = (id: string, sampled = true) =>
  ({
    type: 'Counted',
    partition: 'submission-0',
    position: 1n,
    recordedAt: 1_000_000,
    metadata: { traceparent: `00-${id.repeat(32)}-${id.repeat(16)}-0${sampled ? 1 : 0}` },
  }) as never
const late = { kind: 'reactor', of: { name: 'test.late' } } as never
const handle = (events: readonly never[], ageMs: number) =>
  withProcessSpans(
    late,
    events,
    async () => withSpan('work', {}, async () => {}),
    1_000_000 + ageMs,
  )

describe('events by their age', () => {
  test('one that is prompt is processed in its own trace', async () => {
    await handle([event('a')], MINUTE_MS)
    expect(spans.map(({ name, traceId }) => [name, traceId[0]])).toEqual([
      ['process test.late', 'a'],
      ['work', 'a'],
    ])
    expect(spans[0]?.links).toEqual([])
  })

  test('one that is late is processed in a new trace, linked to its own', async () => {
    await handle([event('a')], MINUTE_MS + 1)
    const [process, work] = spans
    expect(process).toMatchObject({ name: 'process test.late', parentId: undefined })
    expect(process?.links.map((link) => link.context.traceId)).toEqual(['a'.repeat(32)])
    expect(work).toMatchObject({ traceId: process?.traceId, parentId: process?.spanId })
  })

  test('several that are prompt are received in one new trace and processed each in its own', async () => {
    await handle([event('a'), event('b'), event('c', false)], MINUTE_MS)
    const [receive, ...others] = spans
    expect(receive).toMatchObject({ name: 'receive test.late', parentId: undefined })
    expect(receive?.links.map((link) => link.context.traceId[0])).toEqual(['a', 'b'])
    expect(others.map(({ name, traceId }) => [name, traceId[0]])).toEqual([
      ['process test.late', 'a'],
      ['process test.late', 'b'],
      ['work', receive?.traceId[0]],
    ])
    expect(others.at(-1)?.parentId).toBe(receive?.spanId)
  })

  test('several that are late, as a rebuild brings them, make one span in all', async () => {
    await handle([event('a'), event('b')], MINUTE_MS + 1)
    expect(spans.map(({ name }) => name)).toEqual(['receive test.late', 'work'])
    expect(spans[0]?.links).toHaveLength(2)
    expect(spans.every(({ ended }) => ended)).toBe(true)
  })
})

test('a reactor that sums up is in the trace of no event, but linked to it', async () => {
  const sums = { kind: 'reactor', of: { name: 'test.sums-up', sumsUp: true } } as never
  await withProcessSpans(sums, [event('a')], async () => {}, 1_000_000)
  expect(spans).toMatchObject([{ name: 'receive test.sums-up', parentId: undefined, ended: true }])
  expect(spans[0]?.links.map((link) => link.context.traceId)).toEqual(['a'.repeat(32)])
})

describe('a projection', () => {
  const projection = { kind: 'projection', of: { name: 'test.applied' } } as never
  const recent = { ...(event('a') as object), recordedAt: Date.now() } as never

  test('whose tables an event changed has a span in its trace', async () => {
    await withApplySpans(projection, [recent], async () => 'moved', Boolean)
    expect(spans).toMatchObject([
      { name: 'process test.applied', traceId: 'a'.repeat(32), ended: true },
    ])
  })

  test('that has nothing to do with an event leaves no span', async () => {
    await withApplySpans(
      projection,
      [recent],
      async () => 'unmoved',
      () => false,
    )
    expect(spans).toEqual([])
  })

  test('that failed leaves one', async () => {
    const applying = withApplySpans(
      projection,
      [recent],
      () => Promise.reject(new Error('no')),
      () => false,
    )
    await expect(applying).rejects.toThrow('no')
    expect(spans).toMatchObject([{ attributes: { 'error.type': 'Error' }, ended: true }])
  })
})

test('what is not traced makes no spans', async () => {
  const runner = await t.run()
  await append('untraced')
  await runner.caughtUp()
  expect(spans).toEqual([])
})
