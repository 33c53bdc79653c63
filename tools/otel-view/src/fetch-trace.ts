import { MailxError } from '@mailx/errors/mailx-error'
import { readOtlp } from './read-otlp.ts'
import type { TraceSpan } from './trace-span.ts'

const MAX_LINKED = 20
const TIMEOUT_MS = 10_000
/** Where Jaeger (and otel-view) and Tempo answer with OTLP. */
const paths = ['/api/v3/traces/', '/api/v2/traces/']

/**
 * The spans of traces and of those that they are linked with, from the HTTP API of a trace store: Jaeger,
 * Tempo or otel-view. Traces that it does not have are left out; UNAVAILABLE when it does not answer.
 */
export async function fetchTraces(url: string, traceIds: Iterable<string>): Promise<TraceSpan[]> {
  const spans = new Map<string, TraceSpan>()
  const queue = [...new Set(traceIds)]
  const asked = new Set(queue)
  for (const traceId of queue) {
    for (const span of await fetchTrace(url, traceId)) {
      spans.set(`${span.traceId} ${span.spanId}`, span)
      for (const link of span.links) {
        if (asked.has(link.traceId) || asked.size >= MAX_LINKED) continue
        asked.add(link.traceId)
        queue.push(link.traceId)
      }
    }
  }
  return [...spans.values()]
}

async function fetchTrace(url: string, traceId: string): Promise<TraceSpan[]> {
  for (const path of paths) {
    const address = `${url.replace(/\/$/, '')}${path}${traceId}`
    const response = await fetch(address, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause: unknown) => {
      throw new MailxError('UNAVAILABLE', `the trace store at ${url} does not answer`, { cause })
    })
    if (response.ok) return readOtlp(await response.text())
    await response.body?.cancel()
    if (response.status !== 404) {
      throw new MailxError('UNAVAILABLE', `${address} was answered with ${response.status}`)
    }
  }
  return []
}
