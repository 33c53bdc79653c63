import { type Metadata, status } from '@grpc/grpc-js'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Logger } from '@mailx/telemetry/logger'
import { histogram } from '@mailx/telemetry/metrics'
import { currentService, failSpan, startSpan } from '@mailx/telemetry/tracer'
import { type Span, SpanKind } from '@opentelemetry/api'
import { isServerFault, toStatus } from './status.ts'

/** What all four kinds of grpc-js server calls have in common. */
export type ServerCall = {
  readonly cancelled: boolean
  readonly metadata: Metadata
  getPath(): string
  getPeer(): string
  getDeadline(): Date | number
  once(event: 'cancelled', listener: () => void): unknown
}

/** What `serveGrpc` tells the adapters about the server a call came in on. */
export type ServerContext = {
  readonly service: string
  readonly logger: Logger
  /** Fires when the server starts to stop: streams finish what they have and end. */
  readonly draining: AbortSignal
}

/** What a caller's traceparent is to our span: its parent (our own programs), or only a link. */
export type TraceTrust = 'parent' | 'link'

export type RpcOptions = {
  readonly trace?: TraceTrust | ((call: ServerCall) => TraceTrust)
}

const serverDuration = histogram({
  name: 'rpc_server_call_duration_seconds',
  help: 'Calls answered, by method and gRPC status; streams from open to close.',
  labelNames: ['service', 'rpc_service', 'rpc_method', 'grpc_status'],
})

const contexts = new WeakMap<ServerCall, ServerContext>()

export const setServerContext = (call: ServerCall, context: ServerContext): void => {
  contexts.set(call, context)
}

export const serverContextOf = (call: ServerCall): ServerContext | undefined => contexts.get(call)

export type Method = {
  readonly spanName: string
  readonly service: string
  readonly method: string
}

const methods = new Map<string, Method>()

/** "/mailx.storage.v1.StorageService/Fetch" taken apart; the set of paths is the set of methods. */
export function methodOf(path: string): Method {
  const known = methods.get(path)
  if (known !== undefined) return known
  const [service = '', method = ''] = path.replace(/^\//, '').split('/')
  const parsed = { spanName: `${service}/${method}`, service, method }
  methods.set(path, parsed)
  return parsed
}

export const rpcAttributes = ({ service, method }: Method) => ({
  'rpc.system': 'grpc',
  'rpc.service': service,
  'rpc.method': method,
})

/** One call at the server: its span, its metrics, its deadline and what becomes of its errors. */
export type RpcCall = {
  readonly span: Span
  readonly service: string
  readonly finish: (error?: unknown) => ReturnType<typeof toStatus> | undefined
}

/** Starts the span of an incoming call. `finish` must be called exactly once. */
export function startRpc(call: ServerCall, options: RpcOptions): RpcCall {
  const method = methodOf(call.getPath())
  const server = contexts.get(call)
  const service = server?.service ?? currentService()
  const startedAt = performance.now()
  const traceparent = headerOf(call, 'traceparent')
  const { trace = 'parent' } = options
  const trust = typeof trace === 'function' ? trace(call) : trace
  const span = startSpan(method.spanName, {
    kind: SpanKind.SERVER,
    service,
    attributes: rpcAttributes(method),
    ...(trust === 'parent' ? { parent: traceparent } : { parent: '', links: [traceparent] }),
  })

  const finish = (error?: unknown) => {
    const answer = error === undefined ? undefined : toStatus(error)
    const code = call.cancelled ? status.CANCELLED : (answer?.code ?? status.OK)
    span.setAttribute('rpc.grpc.status_code', code)
    if (error !== undefined && isServerFault(code)) failSpan(span, error)
    if (answer?.code === status.INTERNAL) logUnknown(server?.logger, span, method, error)
    span.end()
    serverDuration.observe(
      {
        service,
        rpc_service: method.service,
        rpc_method: method.method,
        grpc_status: status[code],
      },
      (performance.now() - startedAt) / 1000,
    )
    return answer
  }
  return { span, service, finish }
}

/** The latest moment an answer is of use, or undefined when the caller set none. */
export function deadlineOf(call: ServerCall): number | undefined {
  const deadline = call.getDeadline()
  const at = typeof deadline === 'number' ? deadline : deadline.getTime()
  return Number.isFinite(at) ? at : undefined
}

/** Throws when the caller no longer waits: work for it would be lost. */
export function refuseLateCall(call: ServerCall, now: number = Date.now()): void {
  const deadline = deadlineOf(call)
  if (call.cancelled || (deadline !== undefined && deadline <= now)) {
    throw new MailxError(
      'DEADLINE_EXCEEDED',
      'the deadline passed before the work began; allow the call more time',
    )
  }
}

/** Fires when the caller went away, cancelled, or ran out of time. */
export function cancellationOf(call: ServerCall): AbortSignal {
  const controller = new AbortController()
  if (call.cancelled) controller.abort()
  else call.once('cancelled', () => controller.abort())
  return controller.signal
}

/** The first value of a request header, or an empty string. */
export function headerOf(call: ServerCall, name: string): string {
  const value = call.metadata.get(name)[0]
  return typeof value === 'string' ? value : ''
}

function logUnknown(
  logger: Logger | undefined,
  span: Span,
  { spanName }: Method,
  error: unknown,
): void {
  const { traceId, spanId } = span.spanContext()
  logger?.error(
    { err: error, rpc: spanName, trace_id: traceId, span_id: spanId },
    'a call failed for an unforeseen reason',
  )
}
