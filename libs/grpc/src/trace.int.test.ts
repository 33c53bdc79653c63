import { MailxError } from '@mailx/errors/mailx-error'
import { type RecordedSpan, recordSpans } from '@mailx/telemetry/record-spans'
import { withSpan } from '@mailx/telemetry/tracer'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { callUnary } from './client.ts'
import { openBidi } from './client-stream.ts'
import { startEcho } from './echo-service.ts'
import { bidi } from './stream.ts'
import { unary } from './unary.ts'

const ECHO = 'mailx.test.v1.EchoService/Echo'
const REMOTE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

let spans: RecordedSpan[]
let stop = async () => {}
beforeAll(async () => {
  spans = await recordSpans()
})
beforeEach(() => {
  spans.length = 0
})
afterEach(() => stop())

const span = (name: string, kind: SpanKind): Promise<RecordedSpan> =>
  vi.waitFor(() => {
    const found = spans.find((one) => one.name === name && one.kind === kind)
    if (found === undefined) throw new Error(`no span ${name}`)
    return found
  })

test('one trace runs through caller, server and handler, each span with its service', async () => {
  const echo = unary<string, string>(async (text) => withSpan('work', {}, async () => text))
  const started = await startEcho({ echo })
  stop = started.stop
  await withSpan('send', { service: 'gateway' }, () => callUnary(started.client.echo, 'x'))
  const send = await span('send', SpanKind.INTERNAL)
  const client = await span(ECHO, SpanKind.CLIENT)
  const server = await span(ECHO, SpanKind.SERVER)
  const work = await span('work', SpanKind.INTERNAL)
  expect(client.parentSpanContext?.spanId).toBe(send.spanContext().spanId)
  expect(server.parentSpanContext?.spanId).toBe(client.spanContext().spanId)
  expect(work.parentSpanContext?.spanId).toBe(server.spanContext().spanId)
  const rpc = {
    'rpc.system': 'grpc',
    'rpc.service': 'mailx.test.v1.EchoService',
    'rpc.method': 'Echo',
  }
  const ok = { ...rpc, 'rpc.grpc.status_code': 0 }
  expect(client.attributes).toEqual({ ...ok, 'mailx.service': 'gateway' })
  expect(server.attributes).toEqual({ ...ok, 'mailx.service': 'echo' })
  expect(work.attributes['mailx.service']).toBe('echo')
})

test('a stranger cannot choose our trace: its own is a link', async () => {
  const started = await startEcho({
    echo: unary<string, string>(async (text) => text, { trace: 'link' }),
  })
  stop = started.stop
  await callUnary(started.client.echo, 'x', { traceparent: REMOTE })
  const server = await span(ECHO, SpanKind.SERVER)
  const client = await span(ECHO, SpanKind.CLIENT)
  expect(server.parentSpanContext).toBeUndefined()
  expect(server.links[0]?.context.spanId).toBe(client.spanContext().spanId)
  expect(client.parentSpanContext?.spanId).toBe('b7ad6b7169203331')
})

test("a refusal is the caller's error and not the server's; trouble is both's", async () => {
  const echo = unary<string, string>(async (text) => {
    if (text === 'refuse') throw new MailxError('NOT_FOUND', 'gone')
    throw new Error('broken')
  })
  const started = await startEcho({ echo })
  stop = started.stop
  await expect(callUnary(started.client.echo, 'refuse')).rejects.toThrow('gone')
  expect((await span(ECHO, SpanKind.SERVER)).status.code).toBe(SpanStatusCode.UNSET)
  expect((await span(ECHO, SpanKind.CLIENT)).status).toMatchObject({ message: 'NOT_FOUND' })
  spans.length = 0
  await expect(callUnary(started.client.echo, 'break')).rejects.toThrow('internal error')
  const server = await span(ECHO, SpanKind.SERVER)
  expect(server.status.code).toBe(SpanStatusCode.ERROR)
  expect(started.lines[0]).toMatchObject({ trace_id: server.spanContext().traceId })
})

test('a stream is one span on each side from open to close, whatever it carries', async () => {
  const chat = bidi<string, string>(async (requests, { write }) => {
    for await (const text of requests) await write(text)
  })
  const started = await startEcho({ chat })
  stop = started.stop
  const stream = openBidi(started.client.chat)
  for (let i = 0; i < 100; i++) await stream.write(`${i}`)
  stream.end()
  for await (const _ of stream.responses);
  const server = await span('mailx.test.v1.EchoService/Chat', SpanKind.SERVER)
  const client = await span('mailx.test.v1.EchoService/Chat', SpanKind.CLIENT)
  expect(server.attributes['rpc.grpc.status_code']).toBe(0)
  expect(server.parentSpanContext?.spanId).toBe(client.spanContext().spanId)
  expect(spans).toHaveLength(2)
})
