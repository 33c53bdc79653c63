import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  ServerDuplexStream,
  ServerWritableStream,
} from '@grpc/grpc-js'
import { MailxError } from '@mailx/errors/mailx-error'
import { insideSpan } from '@mailx/telemetry/tracer'
import { queueMessages } from './message-queue.ts'
import { type MessageSink, type Write, writerTo } from './message-writer.ts'
import { pullOf } from './pulled-streams.ts'
import {
  type RpcOptions,
  refuseLateCall,
  type ServerCall,
  serverContextOf,
  startRpc,
} from './rpc-call.ts'

/** A handler's side of a streaming call. */
export type ServerStream<Call, Response> = {
  readonly call: Call
  /** Awaiting what it returns is what keeps memory flat when the caller reads slowly. */
  readonly write: Write<Response>
  /** Fires when the call is over: the caller left, the deadline passed, or the server stops. */
  readonly signal: AbortSignal
}

/** A handler either writes and resolves when it is done, or yields its responses. */
type Handled<Response> = Promise<void> | AsyncIterable<Response>

type StreamCall<Response> = ServerCall &
  MessageSink<Response> & {
    end(): unknown
    emit(event: 'error', status: unknown): boolean
  }

/**
 * A handler for a stream in both directions. `requests` ends when the caller has sent its last one or
 * this server starts to stop (what came before is still to be answered), and throws UNAVAILABLE when
 * the caller is gone.
 */
export function bidi<Request, Response>(
  handle: (
    requests: AsyncIterable<Request>,
    stream: ServerStream<ServerDuplexStream<Request, Response>, Response>,
  ) => Handled<Response>,
  options: RpcOptions = {},
): handleBidiStreamingCall<Request, Response> {
  return (call) => {
    const requests = queueMessages<Request>(
      call,
      () => (call.cancelled ? callerGone() : undefined),
      pullOf(call),
    )
    call.once('cancelled', () => requests.fail(callerGone()))
    runStream<Response>(call, options, {
      handle: (stream) => handle(requests, { ...stream, call }),
      drain: requests.finish,
    })
  }
}

/**
 * A handler for one request and a stream of responses. When this server starts to stop, the call ends
 * with UNAVAILABLE at once and `signal` fires: the caller asks again elsewhere.
 */
export function serverStream<Request, Response>(
  handle: (
    request: Request,
    stream: ServerStream<ServerWritableStream<Request, Response>, Response>,
  ) => Handled<Response>,
  options: RpcOptions = {},
): handleServerStreamingCall<Request, Response> {
  return (call) =>
    runStream<Response>(call, options, {
      handle: (stream) => handle(call.request, { ...stream, call }),
      drain: (finish) => finish(serverStopping()),
    })
}

type StreamHandler<Response> = {
  readonly handle: (stream: { write: Write<Response>; signal: AbortSignal }) => Handled<Response>
  /** What a stopping server does to the stream. */
  readonly drain: (finish: (error: unknown) => void) => void
}

/** Runs the handler of a stream and ends the call by how it ended. */
function runStream<Response>(
  call: StreamCall<Response>,
  options: RpcOptions,
  { handle, drain }: StreamHandler<Response>,
): void {
  const rpc = startRpc(call, options)
  const draining = serverContextOf(call)?.draining
  const over = new AbortController()
  const signal = over.signal
  const reason = () => (call.cancelled ? callerGone() : serverStopping())
  let finished = false

  const finish = (error?: unknown) => {
    if (finished) return
    finished = true
    draining?.removeEventListener('abort', onDraining)
    over.abort()
    // A caller that is told UNAVAILABLE opens the stream again, on a server that stays.
    const answer = rpc.finish(error ?? (draining?.aborted ? serverStopping() : undefined))
    if (call.cancelled) return
    if (answer === undefined) call.end()
    else call.emit('error', answer)
  }
  const onDraining = () => drain(finish)

  call.once('cancelled', () => over.abort())
  if (draining?.aborted) return finish(serverStopping())
  draining?.addEventListener('abort', onDraining, { once: true })
  const work = async () => {
    refuseLateCall(call)
    const stream = { write: writerTo<Response>(call, { signal, reason }), signal }
    const handled = handle(stream)
    if (Symbol.asyncIterator in handled) await sendAll(handled, stream)
    else await handled
  }
  insideSpan(rpc.span, work, rpc.service).then(() => finish(), finish)
}

async function sendAll<Response>(
  responses: AsyncIterable<Response>,
  { write, signal }: { write: Write<Response>; signal: AbortSignal },
): Promise<void> {
  for await (const response of responses) {
    if (signal.aborted) return
    const full = write(response)
    if (full !== undefined) await full
  }
}

const callerGone = () => new MailxError('UNAVAILABLE', 'the caller closed the stream')

const serverStopping = () =>
  new MailxError('UNAVAILABLE', 'the server is stopping; open the stream again', {
    retryAfterMs: 100,
  })
