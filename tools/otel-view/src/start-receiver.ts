import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { MailxError } from '@mailx/errors/mailx-error'
import { readOtlp } from './read-otlp.ts'
import { spanStore } from './span-store.ts'
import type { TraceSpan } from './trace-span.ts'
import { otlpOf } from './write-otlp.ts'

export type Receiver = {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT, together with OTEL_EXPORTER_OTLP_PROTOCOL=http/json. */
  readonly endpoint: string
  /** What has arrived of a trace, followed by the traces it is linked with. */
  readonly spansOfTrace: (traceId: string) => TraceSpan[]
  /**
   * Resolves with the spans once `isComplete` says so of what has arrived; rejects with
   * DEADLINE_EXCEEDED, naming what is there, when it has not after `timeoutMs`.
   */
  readonly waitForTrace: (
    traceId: string,
    isComplete: (spans: readonly TraceSpan[]) => boolean,
    timeoutMs: number,
  ) => Promise<TraceSpan[]>
  /** Called with each export. Returns how to stop it. */
  readonly onSpans: (listener: (spans: readonly TraceSpan[]) => void) => () => void
  readonly stop: () => Promise<void>
}

const MAX_BODY_BYTES = 32 * 1024 * 1024
const inflate = promisify(gunzip)

/**
 * Takes OTLP/HTTP exports in JSON on the loopback address; port 0 takes a free one. Gives them out again
 * as Jaeger's query API does: GET /api/v3/traces/<trace id>, with the traces linked with it.
 */
export async function startReceiver({
  port,
  host = '127.0.0.1',
}: {
  readonly port: number
  readonly host?: string
}): Promise<Receiver> {
  const store = spanStore()
  const listeners = new Set<(spans: readonly TraceSpan[]) => void>()

  const receive = async (request: IncomingMessage): Promise<{ status: number; body: string }> => {
    const path = request.url?.split('?')[0] ?? '/'
    if (request.method === 'GET') return answerQuery(path)
    if (request.method !== 'POST') return { status: 405, body: 'only GET and POST\n' }
    // Other signals are taken and dropped: exporters would otherwise complain without end.
    if (path === '/v1/metrics' || path === '/v1/logs') return { status: 200, body: '{}' }
    if (path !== '/v1/traces') return { status: 404, body: 'traces go to /v1/traces\n' }
    if (!request.headers['content-type']?.startsWith('application/json')) {
      return { status: 415, body: 'JSON only: set OTEL_EXPORTER_OTLP_PROTOCOL=http/json\n' }
    }
    const spans = readOtlp(await readBody(request))
    store.add(spans)
    for (const listener of listeners) listener(spans)
    return { status: 200, body: '{}' }
  }

  const answerQuery = (path: string) => {
    const [, traceId] = /^\/api\/v3\/traces\/([0-9a-f]{32})$/.exec(path) ?? []
    const spans = traceId === undefined ? [] : store.spansOfTrace(traceId)
    if (spans.length > 0) return { status: 200, body: JSON.stringify({ result: otlpOf(spans) }) }
    return { status: 404, body: 'there are /api/v3/traces/<trace id> of traces that came\n' }
  }

  const server = createServer((request, response) => {
    receive(request).then(
      ({ status, body }) => response.writeHead(status, contentType(status)).end(body),
      (error: unknown) =>
        response
          .writeHead(400, contentType(400))
          .end(`${error instanceof Error ? error.message : 'bad request'}\n`),
    )
  })
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen(port, host, listening.resolve)
  await listening.promise.catch((error: unknown) => {
    throw new MailxError('UNAVAILABLE', `cannot listen on ${host}:${port}; choose another port`, {
      cause: error,
    })
  })

  const onSpans = (listener: (spans: readonly TraceSpan[]) => void) => {
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
    }
  }
  return {
    endpoint: `http://${host}:${(server.address() as AddressInfo).port}`,
    spansOfTrace: store.spansOfTrace,
    waitForTrace: (traceId, isComplete, timeoutMs) =>
      waitFor(() => store.spansOfTrace(traceId), { traceId, isComplete, timeoutMs, onSpans }),
    onSpans,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped())
        server.closeAllConnections()
      }),
  }
}

async function waitFor(
  read: () => TraceSpan[],
  {
    traceId,
    isComplete,
    timeoutMs,
    onSpans,
  }: {
    readonly traceId: string
    readonly isComplete: (spans: readonly TraceSpan[]) => boolean
    readonly timeoutMs: number
    readonly onSpans: Receiver['onSpans']
  },
): Promise<TraceSpan[]> {
  if (isComplete(read())) return read()
  const { promise, resolve, reject } = Promise.withResolvers<TraceSpan[]>()
  const unsubscribe = onSpans(() => {
    const spans = read()
    if (isComplete(spans)) resolve(spans)
  })
  const timer = setTimeout(() => {
    const spans = read()
    const services = [...new Set(spans.map(({ service }) => service))].join(', ')
    const arrived =
      spans.length === 0 ? 'none arrived' : `${spans.length} arrived, from ${services}`
    reject(
      new MailxError(
        'DEADLINE_EXCEEDED',
        `trace ${traceId} was not complete after ${timeoutMs} ms: of its spans ${arrived}`,
      ),
    )
  }, timeoutMs)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    unsubscribe()
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw new MailxError('TOO_LARGE', 'the export is too large')
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks)
  if (request.headers['content-encoding'] !== 'gzip') return body.toString('utf8')
  return (await inflate(body, { maxOutputLength: MAX_BODY_BYTES })).toString('utf8')
}

const contentType = (status: number) => ({
  'content-type': status === 200 ? 'application/json' : 'text/plain',
})
