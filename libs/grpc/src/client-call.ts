import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import type { MailxError } from '@mailx/errors/mailx-error'
import { histogram } from '@mailx/telemetry/metrics'
import { traceparentOf } from '@mailx/telemetry/propagation'
import { currentService, failSpan, startSpan } from '@mailx/telemetry/tracer'
import { type Span, SpanKind } from '@opentelemetry/api'
import { methodOf, rpcAttributes } from './rpc-call.ts'
import { fromServiceError, isServiceError } from './status.ts'

export type CallSettings = {
  /** The call fails with DEADLINE_EXCEEDED after this long. */
  readonly timeoutMs?: number
  readonly metadata?: Metadata | Readonly<Record<string, string>>
  /** The trace to continue; the running span's when left out. */
  readonly traceparent?: string
  /** Cancels the call. */
  readonly signal?: AbortSignal
  /** Waits for a connection until the deadline instead of failing at once when there is none. */
  readonly waitForReady?: boolean
}

/** One call at the caller: its span, its metrics, its headers. */
export type ClientCall = {
  readonly span: Span
  readonly headers: Metadata
  /** Called once. Returns the error the caller gets to see. */
  readonly finish: (error?: ServiceError | Error) => MailxError | undefined
}

const clientDuration = histogram({
  name: 'rpc_client_call_duration_seconds',
  help: 'Calls made, by method and gRPC status; streams from open to close.',
  labelNames: ['service', 'rpc_service', 'rpc_method', 'grpc_status'],
})

/** Starts the span of an outgoing call. `method` is a method of a generated client. */
export function startClientCall(method: object, settings: CallSettings): ClientCall {
  const { path = '/unknown/unknown' } = method as { path?: string }
  const rpc = methodOf(path)
  const service = currentService()
  const startedAt = performance.now()
  const span = startSpan(rpc.spanName, {
    kind: SpanKind.CLIENT,
    attributes: rpcAttributes(rpc),
    parent: settings.traceparent,
  })

  const finish = (error?: ServiceError | Error) => {
    const failure = error === undefined ? undefined : fromServiceError(error)
    const code =
      error === undefined ? status.OK : isServiceError(error) ? error.code : status.UNKNOWN
    span.setAttribute('rpc.grpc.status_code', code)
    if (failure !== undefined) failSpan(span, failure)
    span.end()
    clientDuration.observe(
      {
        service,
        rpc_service: rpc.service,
        rpc_method: rpc.method,
        grpc_status: status[code],
      },
      (performance.now() - startedAt) / 1000,
    )
    return failure
  }
  return { span, headers: headersOf(settings, traceparentOf(span)), finish }
}

function headersOf(
  { metadata, waitForReady, traceparent = '' }: CallSettings,
  ownTraceparent: string,
): Metadata {
  const headers = metadata instanceof Metadata ? metadata.clone() : new Metadata()
  if (metadata !== undefined && !(metadata instanceof Metadata)) {
    for (const [name, value] of Object.entries(metadata)) headers.set(name, value)
  }
  if (waitForReady === true) headers.setOptions({ ...headers.getOptions(), waitForReady })
  // Handed on also by a process that traces nothing itself.
  const sent = ownTraceparent || traceparent
  if (sent !== '') headers.set('traceparent', sent)
  return headers
}

/** Calls `cancel` when the signal fires; returns how to stop listening to it. */
export function cancelOn(signal: AbortSignal | undefined, cancel: () => void): () => void {
  if (signal === undefined) return () => {}
  if (signal.aborted) cancel()
  else signal.addEventListener('abort', cancel, { once: true })
  return () => signal.removeEventListener('abort', cancel)
}
