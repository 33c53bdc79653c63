import { toHex } from '@mailx/crypto/encoding'
import {
  type Context,
  context,
  createTraceState,
  INVALID_SPANID,
  INVALID_TRACEID,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  trace,
} from '@opentelemetry/api'

// W3C Trace Context §3.2: version - trace id - parent id - flags. A later version may add fields.
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** The W3C traceparent of a span; empty when it belongs to no trace. */
export function traceparentOf(span: Span | undefined): string {
  const spanContext = span?.spanContext()
  if (spanContext === undefined || spanContext.traceId === INVALID_TRACEID) return ''
  const flags = (spanContext.traceFlags & 1) === 1 ? '01' : '00'
  return `00-${spanContext.traceId}-${spanContext.spanId}-${flags}`
}

/** The W3C traceparent of the running span, to send along; empty when nothing is traced. */
export const currentTraceparent = (): string => traceparentOf(trace.getSpan(context.active()))

/** Whether the trace that a traceparent names is kept: of others no more spans need to be made. */
export const isSampled = (traceparent: string): boolean => traceparent.endsWith('-01')

/** Whether the running span is kept: what only a trace needs may be skipped where not. */
export const isRecording = (): boolean => trace.getSpan(context.active())?.isRecording() ?? false

/** The W3C tracestate that belongs to `currentTraceparent()`; usually empty. */
export const currentTracestate = (): string =>
  trace.getSpanContext(context.active())?.traceState?.serialize() ?? ''

/** Undefined for anything that is not a valid traceparent: a malformed one is never an error. */
export function spanContextFromTraceparent(
  traceparent: string | undefined,
  tracestate?: string,
): SpanContext | undefined {
  if (!traceparent || traceparent.length > 256) return undefined
  const match = TRACEPARENT.exec(traceparent)
  if (match === null) return undefined
  const [, version, traceId = '', spanId = '', flags = '00', rest] = match
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (traceId === INVALID_TRACEID || spanId === INVALID_SPANID) return undefined
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(tracestate ? { traceState: createTraceState(tracestate.slice(0, 512)) } : {}),
  }
}

/** A context whose running span is the remote one; the root context when there is none. */
export function contextFromTraceparent(
  traceparent: string | undefined,
  tracestate?: string,
): Context {
  const spanContext = spanContextFromTraceparent(traceparent, tracestate)
  return spanContext === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContext)
}

/** Links to the spans named by traceparents, each once; invalid ones are left out. */
export function linksTo(traceparents: Iterable<string | undefined>): Link[] {
  const links: Link[] = []
  for (const traceparent of new Set(traceparents)) {
    const spanContext = spanContextFromTraceparent(traceparent)
    if (spanContext !== undefined) links.push({ context: spanContext })
  }
  return links
}

/** After this long something is a matter of its own: a trace is not kept open for hours. */
const PROMPT_MS = 60_000

/** Where a span goes that deals with what came with a traceparent: into that trace, or late, into a new one that is linked to it. */
export const followOn = (
  traceparent: string,
  ageMs: number,
): { readonly parent: string; readonly links?: readonly string[] } =>
  ageMs <= PROMPT_MS ? { parent: traceparent } : { parent: '', links: [traceparent] }

/**
 * What both domains call a delivery in their telemetry, so that operators can compare notes without a
 * shared backend: the start of the hash of its sealed envelope, which names nobody.
 */
export const deliveryId = (envelopeHash: Uint8Array): string => toHex(envelopeHash.subarray(0, 16))
