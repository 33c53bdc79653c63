import type { Socket } from 'node:net'
import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js'
import { MailxError } from '@mailx/errors/mailx-error'
import { createInjectedServer, type InjectedServer } from '@mailx/grpc/injected-server'
import type { GrpcService, ServerTelemetry } from '@mailx/grpc/server'
import { toStatus } from '@mailx/grpc/status'
import { PeerServiceService } from '@mailx/proto/peer/v1/peer_service'
import { MAX_MESSAGE_BYTES, RECEIVE_WINDOW_BYTES, transportOptions } from './channel-options.ts'
import type { PeerConnection } from './peer-connection.ts'

/** The connection that carries a call. Throws UNAUTHENTICATED when it has ended meanwhile. */
export type ConnectionOf = (call: { getPeer(): string }) => PeerConnection

export type PeerServerOptions = {
  readonly services: (connectionOf: ConnectionOf) => readonly GrpcService[]
  readonly telemetry: ServerTelemetry
}

const HOUR_MS = 60 * 60 * 1000

const handshakePaths: ReadonlySet<string> = new Set([
  PeerServiceService.hello.path,
  PeerServiceService.authorize.path,
])

/** The name of a socket as gRPC gives it in `call.getPeer()`. */
export const socketName = (socket: Socket): string => `${socket.remoteAddress}:${socket.remotePort}`

/** A gRPC server that knows the connection behind each call and refuses calls before Authorize. */
export function peerServer(
  connections: ReadonlyMap<string, PeerConnection>,
  { services, telemetry }: PeerServerOptions,
): InjectedServer {
  const connectionOf: ConnectionOf = (call) => {
    const connection = connections.get(call.getPeer())
    if (connection === undefined) {
      throw new MailxError('UNAUTHENTICATED', 'the connection of this call has ended')
    }
    return connection
  }
  return createInjectedServer({
    services: services(connectionOf),
    telemetry,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxConnectionAgeMs: 6 * HOUR_MS,
    // Every stream may hold a message of 4 MiB.
    maxStreamsPerConnection: 16,
    receiveWindowBytes: RECEIVE_WINDOW_BYTES,
    options: { ...transportOptions, interceptors: [onlyAuthorized(connections)] },
  })
}

/** proto/README.md, section 8: nothing but the challenge itself is served before both sides have signed it. */
function onlyAuthorized(connections: ReadonlyMap<string, PeerConnection>): ServerInterceptor {
  return (method, call) => {
    const state = connections.get(call.getPeer())?.state.status
    const open = handshakePaths.has(method.path) && state !== undefined
    if (open || state === 'authorized') return new ServerInterceptingCall(call)
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({ onReceiveMetadata: () => call.sendStatus(unauthorized()) })
      },
    })
  }
}

const unauthorized = () =>
  toStatus(
    new MailxError(
      'UNAUTHENTICATED',
      'this connection is not authorized: call Hello, then Authorize',
    ),
  )
