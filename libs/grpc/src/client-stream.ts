import type { CallOptions, ClientDuplexStream, ClientReadableStream, Metadata } from '@grpc/grpc-js'
import { MailxError } from '@mailx/errors/mailx-error'
import { type CallSettings, type ClientCall, cancelOn, startClientCall } from './client-call.ts'
import { type MessageSource, queueMessages } from './message-queue.ts'
import { type Write, writerTo } from './message-writer.ts'

/** As for a unary call, but a stream has no deadline unless it is given one. */
export type StreamSettings = CallSettings

export type ClientStream<Request, Response> = {
  /** Awaiting what it returns is what keeps memory flat when the server reads slowly. */
  readonly write: Write<Request>
  /** Says that nothing more will be written; responses go on. */
  readonly end: () => void
  readonly cancel: () => void
  /** Ends when the server is done; throws the MailxError the call ended with. */
  readonly responses: AsyncIterable<Response>
  /** Fires when the call is over, however it ended. */
  readonly signal: AbortSignal
}

export type BidiMethod<Request, Response> = (
  metadata: Metadata,
  options: Partial<CallOptions>,
) => ClientDuplexStream<Request, Response>

export type ServerStreamMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
) => ClientReadableStream<Response>

/** Opens a stream in both directions. It exists at once; a server that is not there shows in `responses`. */
export function openBidi<Request, Response>(
  method: BidiMethod<Request, Response>,
  settings: StreamSettings = {},
): ClientStream<Request, Response> {
  const rpc = startClientCall(method, settings)
  const call = method(rpc.headers, optionsOf(settings))
  const { responses, signal, reason } = follow<Response>(call, rpc, settings)
  return {
    write: writerTo<Request>(call, { signal, reason }),
    end: () => {
      call.end()
    },
    cancel: () => call.cancel(),
    responses,
    signal,
  }
}

/** Sends one request and hands out the responses; leaving the `for await` cancels the call. */
export function callServerStream<Request, Response>(
  method: ServerStreamMethod<Request, Response>,
  request: Request,
  settings: StreamSettings = {},
): Omit<ClientStream<Request, Response>, 'write' | 'end'> {
  const rpc = startClientCall(method, settings)
  const call = method(request, rpc.headers, optionsOf(settings))
  const { responses, signal } = follow<Response>(call, rpc, settings)
  async function* cancelling() {
    try {
      yield* responses
    } finally {
      if (!signal.aborted) call.cancel()
    }
  }
  return {
    responses: { [Symbol.asyncIterator]: cancelling },
    cancel: () => call.cancel(),
    signal,
  }
}

type Followed<Response> = MessageSource<Response> & {
  cancel(): void
  on(event: 'error', listener: (error: Error) => void): unknown
}

function follow<Response>(
  call: Followed<Response>,
  rpc: ClientCall,
  { signal: cancelSignal }: StreamSettings,
) {
  const over = new AbortController()
  let error: MailxError | undefined
  const responses = queueMessages<Response>(call, () => error)
  const finish = (failure?: Error) => {
    if (over.signal.aborted) return
    error = rpc.finish(failure)
    stopListening()
    over.abort()
  }
  call.on('error', finish)
  call.on('end', () => finish())
  const stopListening = cancelOn(cancelSignal, () => call.cancel())
  const reason = () => error ?? new MailxError('UNAVAILABLE', 'the server ended the stream')
  return { responses, signal: over.signal, reason }
}

const optionsOf = ({ timeoutMs }: StreamSettings): CallOptions =>
  timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
