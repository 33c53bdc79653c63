import { MailxError } from '@mailx/errors/mailx-error'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { currentTraceparent, isRecording, traceparentOf } from './propagation.ts'
import { type RecordedSpan, recordSpans } from './record-spans.ts'
import {
  currentService,
  insideService,
  insideSpan,
  setProcessService,
  startSpan,
  tracerFor,
  withSpan,
} from './tracer.ts'

const REMOTE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

const throwing = (error: Error) => () => {
  throw error
}

test('without an SDK the work runs, its result comes back and there is no traceparent', async () => {
  expect(withSpan('work', {}, () => 7)).toBe(7)
  await expect(withSpan('work', {}, async () => currentTraceparent())).resolves.toBe('')
  expect(() =>
    withSpan('work', {}, () => {
      throw new MailxError('NOT_FOUND', 'gone')
    }),
  ).toThrow('gone')
  const span = startSpan('left open')
  expect(span.isRecording()).toBe(false)
  expect(insideSpan(span, () => 'ran')).toBe('ran')
})

describe('with an SDK', () => {
  let spans: RecordedSpan[]
  beforeAll(async () => {
    spans = await recordSpans()
  })
  beforeEach(() => {
    spans.length = 0
    setProcessService('all-in-one')
  })
  const named = (name: string): RecordedSpan => {
    const span = spans.find((candidate) => candidate.name === name)
    if (span === undefined) throw new Error(`no span ${name}`)
    return span
  }

  test('a span inside another is its child, across awaits', async () => {
    await withSpan('outer', {}, async () => {
      await Promise.resolve()
      await withSpan('inner', { kind: SpanKind.CLIENT }, async () => {})
    })
    expect(named('inner').parentSpanContext?.spanId).toBe(named('outer').spanContext().spanId)
    expect(named('inner').kind).toBe(SpanKind.CLIENT)
  })

  test('a span ends when the promise settles, not before', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const work = withSpan('slow', {}, () => promise)
    expect(spans).toEqual([])
    resolve()
    await work
    expect(named('slow').name).toBe('slow')
  })

  test('a remote traceparent becomes the parent, and is what is sent along', () => {
    const sent = withSpan('continue', { parent: REMOTE }, () => currentTraceparent())
    const span = named('continue')
    expect(span.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c')
    expect(span.parentSpanContext?.spanId).toBe('b7ad6b7169203331')
    expect(sent).toBe(`00-0af7651916cd43dd8448eb211c80319c-${span.spanContext().spanId}-01`)
  })

  test('an empty parent starts a new trace inside a running span', () => {
    withSpan('outer', {}, () => withSpan('apart', { parent: '', links: [REMOTE] }, () => {}))
    expect(named('apart').parentSpanContext).toBeUndefined()
    expect(named('apart').spanContext().traceId).not.toBe(named('outer').spanContext().traceId)
    expect(named('apart').links[0]?.context.spanId).toBe('b7ad6b7169203331')
  })

  test('inside a trace that is not kept nothing is recorded, and its links are not even read', () => {
    const unread = {
      [Symbol.iterator]: () => {
        throw new Error('read')
      },
    }
    const unsampled = REMOTE.replace(/01$/, '00')
    const sent = withSpan('passed on', { parent: unsampled, links: unread }, () => {
      withSpan('inside', {}, () => expect(isRecording()).toBe(false))
      return currentTraceparent()
    })
    expect(sent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/)
    expect(spans).toEqual([])
  })

  test('work can be taken out of the running span', () => {
    withSpan('outer', {}, () => {
      expect(insideSpan(undefined, isRecording)).toBe(false)
      expect(isRecording()).toBe(true)
    })
  })

  test('a failure leaves its code on the span and keeps its message off it', async () => {
    const fail = throwing(new MailxError('NOT_FOUND', 'no user bob@b.test'))
    await expect(withSpan('fails', {}, async () => fail())).rejects.toThrow('bob@b.test')
    const { status, attributes } = named('fails')
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'NOT_FOUND' })
    expect(attributes['error.type']).toBe('NOT_FOUND')
    expect(JSON.stringify(attributes)).not.toContain('bob')
  })

  test('an error of a library is named by its code or its class', () => {
    const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
    expect(() => withSpan('system', {}, throwing(refused))).toThrow('connect')
    expect(() => withSpan('type', {}, throwing(new TypeError('x')))).toThrow('x')
    expect(named('system').attributes['error.type']).toBe('ECONNREFUSED')
    expect(named('type').attributes['error.type']).toBe('TypeError')
  })

  test('every span names its service, and hands it on to the spans inside', () => {
    const gateway = tracerFor('gateway')
    gateway.withSpan('submit', {}, () => {
      withSpan('append', {}, () => expect(currentService()).toBe('gateway'))
      withSpan('project', { service: 'storage' }, () => withSpan('insert', {}, () => {}))
    })
    withSpan('relay', {}, () => {})
    const names = ['submit', 'append', 'project', 'insert', 'relay']
    expect(names.map((name) => named(name).attributes['mailx.service'])).toEqual([
      'gateway',
      'gateway',
      'storage',
      'storage',
      'all-in-one',
    ])
  })

  test('the service stays known when the parent came over the network', () => {
    insideService('directory', () => withSpan('look up', { parent: REMOTE }, () => {}))
    expect(named('look up').attributes['mailx.service']).toBe('directory')
  })

  test('a span that is ended by hand can be made the running one', () => {
    const span = startSpan('stream')
    insideSpan(span, () => withSpan('message', {}, () => {}), 'gateway')
    span.end()
    expect(named('message').parentSpanContext?.spanId).toBe(named('stream').spanContext().spanId)
    expect(named('message').attributes['mailx.service']).toBe('gateway')
    expect(traceparentOf(span)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  })
})
