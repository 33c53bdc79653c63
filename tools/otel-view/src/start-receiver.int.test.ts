import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fetchTraces } from './fetch-trace.ts'
import { renderTrace } from './render-trace.ts'
import { type Receiver, startReceiver } from './start-receiver.ts'
import { otlpOf } from './write-otlp.ts'

let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver({ port: 0 })
})
afterAll(() => receiver.stop())

const run = promisify(execFile)
const telemetry = new URL('../../../libs/telemetry/src/', import.meta.url).href

/** Two services in one process, and the trace id on stdout. */
const program = `
  const { startTelemetry } = await import('${telemetry}register.ts')
  const { withSpan, tracerFor } = await import('${telemetry}tracer.ts')
  const { currentTraceparent } = await import('${telemetry}propagation.ts')
  const telemetry = await startTelemetry('all-in-one')
  const sent = withSpan('send', {}, () =>
    tracerFor('gateway').withSpan('submit', { attributes: { n: 1 } }, () =>
      withSpan('append', {}, () => currentTraceparent())))
  withSpan('relay', { parent: '', links: [sent] }, () => {})
  await telemetry.stop()
  process.stdout.write(sent.split('-')[1])
  process.exit()
`

test.each([{}, { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }])(
  'spans of the real SDK arrive, with services, parents and links (%o)',
  async (env) => {
    const { stdout: traceId } = await run(
      process.execPath,
      ['--input-type=module', '--eval', program],
      {
        env: {
          PATH: process.env['PATH'] ?? '',
          OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
          OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
          ...env,
        },
      },
    )
    const spans = await receiver.waitForTrace(traceId, (all) => all.length === 4, 10_000)
    expect(spans.map(({ name, service }) => `${service} ${name}`).toSorted()).toEqual([
      'all-in-one relay',
      'all-in-one send',
      'gateway append',
      'gateway submit',
    ])
    const lines = renderTrace(spans, { colour: false, width: 120 }).split('\n')
    expect(lines[2]).toMatch(/^gateway +└─submit/)
    expect(lines[3]).toMatch(/^gateway +└─append/)
    expect(lines.at(-1)).toContain('↪ append')
  },
)

const post = (
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
  path = '/v1/traces',
) => fetch(`${receiver.endpoint}${path}`, { method: 'POST', body, headers })

test('a trace that does not come is told with what did', async () => {
  const waiting = receiver.waitForTrace('0'.repeat(31).concat('1'), () => false, 20)
  await expect(waiting).rejects.toThrow('none arrived')
})

test('protobuf is answered with what to set', async () => {
  const answer = await post('x', { 'content-type': 'application/x-protobuf' })
  expect([answer.status, await answer.text()]).toEqual([
    415,
    'JSON only: set OTEL_EXPORTER_OTLP_PROTOCOL=http/json\n',
  ])
})

test('bad bodies, paths and methods are refused and change nothing', async () => {
  const json = { 'content-type': 'application/json' }
  expect((await post('{', json)).status).toBe(400)
  expect((await post('x', { ...json, 'content-encoding': 'gzip' })).status).toBe(400)
  expect((await post('{}', json, '/')).status).toBe(404)
  expect((await post('{}', json, '/v1/metrics')).status).toBe(200)
  expect((await fetch(receiver.endpoint)).status).toBe(404)
  expect((await fetch(receiver.endpoint, { method: 'PUT' })).status).toBe(405)
})

test('what came is given out again by trace id, with the traces it is linked with', async () => {
  const [first, second] = ['a'.repeat(32), 'b'.repeat(32)]
  const span = {
    traceId: first,
    spanId: '1'.repeat(16),
    parentSpanId: '',
    name: 'submit',
    kind: 'producer' as const,
    service: 'gateway',
    startUs: 1_000_000,
    endUs: 2_000_000,
    attributes: {},
    links: [],
  }
  const linked = { ...span, traceId: second, name: 'fetch', links: [span] }
  const sent = await post(JSON.stringify(otlpOf([span, linked])), {
    'content-type': 'application/json',
  })
  expect(sent.status).toBe(200)
  const found = await fetchTraces(receiver.endpoint, [first])
  expect(found.map(({ name }) => name)).toEqual(['submit', 'fetch'])
  expect(await fetchTraces(receiver.endpoint, ['c'.repeat(32)])).toEqual([])
})

test('a trace store that is not there is told by its address', async () => {
  await expect(fetchTraces('http://127.0.0.1:9', ['c'.repeat(32)])).rejects.toThrow(
    'the trace store at http://127.0.0.1:9 does not answer',
  )
})

test('a small body that inflates beyond the limit is refused', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20))
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  expect((await post(bomb, headers)).status).toBe(400)
})

test('a port that is taken is told by name', async () => {
  const port = Number(new URL(receiver.endpoint).port)
  await expect(startReceiver({ port })).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`)
})
