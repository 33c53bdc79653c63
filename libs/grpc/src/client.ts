import {
  type CallOptions,
  type ChannelCredentials,
  type Client,
  type ClientOptions,
  type ClientUnaryCall,
  credentials as grpcCredentials,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { insideSpan } from '@mailx/telemetry/tracer'
import { type CallSettings, cancelOn, startClientCall } from './client-call.ts'
import { limitConnecting } from './connect-limit.ts'

export const DEFAULT_TIMEOUT_MS = 5_000

export type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall

type ServiceClient<C extends Client> = new (
  target: string,
  credentials: ChannelCredentials,
  options?: ClientOptions,
) => C

type ConnectOptions = {
  readonly credentials?: ChannelCredentials
  readonly options?: ClientOptions
}

/** While calls are open, a line that has gone silent is found out within half a minute. */
export const keepalive = {
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
} as const

/**
 * A client of a generated service, with methods that may be passed around (`callUnary(client.fetch)`).
 * It connects when first used, reconnects by itself, spreads calls over all addresses a name has, and
 * is closed by `client.close()`.
 */
export function connectGrpc<C extends Client>(
  Service: ServiceClient<C>,
  target: string,
  { credentials = grpcCredentials.createInsecure(), options = {} }: ConnectOptions = {},
): C {
  return bindMethods(
    new Service(target, limitConnecting(credentials), {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2_000,
      ...keepalive,
      'grpc.max_receive_message_length': 16 * 1024 * 1024,
      'grpc.service_config': '{"loadBalancingConfig":[{"round_robin":{}}]}',
      // Services of one deployment are not behind the proxy that the environment may name.
      'grpc.enable_http_proxy': 0,
      'grpc.enable_channelz': 0,
      ...options,
    }),
  )
}

/** Ties a client's generated methods to it, keeping the descriptions they carry. */
export function bindMethods<C extends Client>(client: C): C {
  const prototype = Object.getPrototypeOf(client) as Record<string, unknown>
  const methods = Object.entries(prototype).filter(
    (entry): entry is [string, (...args: unknown[]) => unknown] => typeof entry[1] === 'function',
  )
  const bound = methods.map(([name, method]) => [name, Object.assign(method.bind(client), method)])
  return Object.assign(client, Object.fromEntries(bound))
}

/**
 * Calls a unary method, for 5 s at most unless told otherwise. Rejects with the MailxError the server
 * threw; UNAVAILABLE when it cannot be reached, DEADLINE_EXCEEDED when it does not answer in time.
 */
export function callUnary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  settings: CallSettings = {},
): Promise<Response> {
  const { span, headers, finish } = startClientCall(method, settings)
  const options = { deadline: Date.now() + (settings.timeoutMs ?? DEFAULT_TIMEOUT_MS) }
  return new Promise<Response>((resolve, reject) => {
    const callback = (error: ServiceError | null, response: Response) => {
      stopListening()
      const failure = finish(error ?? undefined)
      if (failure === undefined) resolve(response)
      else reject(failure)
    }
    const call = insideSpan(span, () => method(request, headers, options, callback))
    const stopListening = cancelOn(settings.signal, () => call.cancel())
  })
}
