import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js'
import { insideSpan } from '@mailx/telemetry/tracer'
import { type RpcOptions, refuseLateCall, startRpc } from './rpc-call.ts'

/**
 * Turns an async function into a grpc-js handler: span and metrics around it, the caller's trace
 * continued, calls past their deadline refused, a MailxError sent as its status with `mailx-code`,
 * any other error as a bare INTERNAL that is logged.
 */
export function unary<Request, Response>(
  handle: (request: Request, call: ServerUnaryCall<Request, Response>) => Promise<Response>,
  options: RpcOptions = {},
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const rpc = startRpc(call, options)
    const answer = async () => {
      refuseLateCall(call)
      return handle(call.request, call)
    }
    insideSpan(rpc.span, answer, rpc.service).then(
      (response) => {
        rpc.finish()
        callback(null, response)
      },
      (error: unknown) => callback(rpc.finish(error) ?? null),
    )
  }
}
