import { MailxError } from '@mailx/errors/mailx-error'
import {
  type SpanOptions as ApiSpanOptions,
  type Attributes,
  type Context,
  context,
  createContextKey,
  INVALID_SPAN_CONTEXT,
  INVALID_SPANID,
  ProxyTracerProvider,
  type Span,
  type SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { contextFromTraceparent, isRecording, linksTo } from './propagation.ts'

export type SpanOptions = {
  readonly kind?: SpanKind | undefined
  readonly attributes?: Attributes | undefined
  /** A W3C traceparent or a context. Left out: the running span. An empty string: a new trace. */
  readonly parent?: string | Context | undefined
  /** W3C traceparents of spans of other traces that this one has to do with. */
  readonly links?: Iterable<string> | undefined
  /** Starts a new trace whatever is running. */
  readonly root?: boolean | undefined
  /** Milliseconds since 1970. */
  readonly startTime?: number | undefined
  /** Which MailX service works here. Left out: that of the enclosing span, else the process's. */
  readonly service?: string | undefined
}

export type Tracer = {
  readonly startSpan: (name: string, options?: SpanOptions) => Span
  readonly withSpan: <Result>(
    name: string,
    options: SpanOptions,
    run: (span: Span) => Result,
  ) => Result
}

/** On every span: the service that made it, also when seven of them share one process. */
export const SERVICE_ATTRIBUTE = 'mailx.service'

const serviceKey = createContextKey('mailx.service')
const tracer = trace.getTracer('mailx')
/** Takes everything and keeps nothing. */
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
const NO_PROVIDER = new ProxyTracerProvider().getDelegate()
let registered = false
let processService = 'mailx'

/** Names the process; `startTelemetry` calls it. */
export function setProcessService(service: string): void {
  processService = service
}

/** The service that the running code works for. */
export const currentService = (): string =>
  (context.active().getValue(serviceKey) as string | undefined) ?? processService

/** Starts a span that the caller ends. Nothing becomes its child unless it is made the parent. */
export function startSpan(name: string, options: SpanOptions = {}): Span {
  if (!isTracing()) return NO_SPAN
  const parent = parentContext(options)
  return startIn(parent, name, options, serviceIn(options, parent))
}

/**
 * Runs `run` inside a new span, which ends when the result is there. A throw or rejection marks it
 * failed with the error's code and goes on to the caller. Without an SDK this only calls `run`.
 */
export function withSpan<Result>(
  name: string,
  options: SpanOptions,
  run: (span: Span) => Result,
): Result {
  if (!isTracing()) return run(NO_SPAN)
  const parent = parentContext(options)
  const service = serviceIn(options, parent)
  const span = startIn(parent, name, options, service)
  if (span.spanContext().spanId === INVALID_SPANID) return run(span)
  if (!span.isRecording()) {
    // Most are not. Where the running one is not kept either, nothing inside will be: no context of its own.
    if (trace.getSpan(context.active())?.isRecording() === false) return run(span)
    return context.with(trace.setSpan(parent, span), run, undefined, span)
  }
  const inside = trace.setSpan(parent.setValue(serviceKey, service), span)
  let result: Result
  try {
    result = context.with(inside, run, undefined, span)
  } catch (error) {
    failSpan(span, error)
    span.end()
    throw error
  }
  if (result instanceof Promise) return endWith(span, result) as Result
  span.end()
  return result
}

/** The same two functions for one service: its spans carry the service's name. */
export const tracerFor = (service: string): Tracer => ({
  startSpan: (name, options) => startSpan(name, { service, ...options }),
  withSpan: (name, options, run) => withSpan(name, { service, ...options }, run),
})

/**
 * Runs `run` with `span` as the running span, without ending it; `service` is named by the spans made
 * inside. Undefined: outside of any span that is kept. Without an SDK this only calls `run`.
 */
export function insideSpan<Result>(
  span: Span | undefined,
  run: () => Result,
  service?: string,
): Result {
  if (span === undefined) {
    return isRecording() ? context.with(trace.deleteSpan(context.active()), run) : run()
  }
  if (span.spanContext().spanId === INVALID_SPANID) return run()
  const active = trace.setSpan(context.active(), span)
  return context.with(service === undefined ? active : active.setValue(serviceKey, service), run)
}

/** Runs `run` for a service: spans made inside name it. */
export const insideService = <Result>(service: string, run: () => Result): Result =>
  context.with(context.active().setValue(serviceKey, service), run)

/**
 * Marks a span failed by code alone: messages may name addresses, and those stay out of traces. The
 * log line with the same trace id has the rest.
 */
export function failSpan(span: Span, error: unknown): void {
  const code = errorType(error)
  span.setAttribute('error.type', code)
  span.setStatus({ code: SpanStatusCode.ERROR, message: code })
}

/** A low-cardinality name for an error: a MailX code, a system or library code, or the class. */
export function errorType(error: unknown): string {
  if (error instanceof MailxError) return error.code
  if (!(error instanceof Error)) return '_OTHER'
  const { code } = error as Error & { code?: unknown }
  return typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : error.name
}

/** Whether anybody takes spans; asked until it is so, since an SDK may be registered late. */
function isTracing(): boolean {
  if (registered) return true
  const provider = trace.getTracerProvider()
  registered = !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== NO_PROVIDER
  return registered
}

async function endWith<Value>(span: Span, result: Promise<Value>): Promise<Value> {
  try {
    return await result
  } catch (error) {
    failSpan(span, error)
    throw error
  } finally {
    span.end()
  }
}

function parentContext({ parent }: SpanOptions): Context {
  if (parent === undefined) return context.active()
  return typeof parent === 'string' ? contextFromTraceparent(parent) : parent
}

const serviceIn = ({ service }: SpanOptions, parent: Context): string =>
  service ??
  (parent.getValue(serviceKey) as string | undefined) ??
  (context.active().getValue(serviceKey) as string | undefined) ??
  processService

/** What a span has to say is prepared only where it is kept: samplers go by name, kind and parent. */
function startIn(parent: Context, name: string, options: SpanOptions, service: string): Span {
  const { attributes, kind, links, root, startTime } = options
  const span = tracer.startSpan(name, { kind, root, startTime } as ApiSpanOptions, parent)
  if (!span.isRecording()) return span
  span.setAttribute(SERVICE_ATTRIBUTE, service)
  if (attributes !== undefined) span.setAttributes(attributes)
  if (links !== undefined) span.addLinks(linksTo(links))
  return span
}
