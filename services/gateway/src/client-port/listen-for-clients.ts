/**
 * The way of a client's connection: TCP, TLS 1.3 with the certificate of the domain in SNI, HTTP/2 by
 * ALPN, and only then gRPC. A connection for a domain that is not hosted here ends in the handshake;
 * not one byte of HTTP/2 is read from it.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { MailxError } from '@mailx/errors/mailx-error'
import { createInjectedServer } from '@mailx/grpc/injected-server'
import { pulledStreams } from '@mailx/grpc/pulled-streams'
import type { GrpcService } from '@mailx/grpc/server'
import type { Logger } from '@mailx/telemetry/logger'
import { type ContextOf, limitHandshakes, tlsOptions } from './tls-options.ts'

/** A frame of 4 MiB and what is around it. */
const MAX_MESSAGE_BYTES = 5 * 1024 * 1024

export type ClientPort = {
  readonly address: string
  /** No new connections or calls; streams are asked to end; what is left is cut after `graceMs`. */
  readonly stop: (options: { readonly graceMs: number }) => Promise<void>
}

type Options = {
  readonly listen: string
  readonly contextOf: ContextOf
  readonly handshakes: number
  readonly service: GrpcService
  readonly logger: Logger
}

/** Rejects with UNAVAILABLE when the address cannot be bound. */
export async function listenForClients(options: Options): Promise<ClientPort> {
  const { listen, contextOf, handshakes, service, logger } = options
  const grpc = createInjectedServer({
    services: [service],
    telemetry: { service: 'gateway', logger },
    maxMessageBytes: MAX_MESSAGE_BYTES,
    options: { interceptors: [pulledStreams] },
  })
  const open = new Set<TLSSocket>()
  const tls = createServer({ ...tlsOptions(contextOf), ALPNProtocols: ['h2'] })
  limitHandshakes(tls, handshakes)
  tls.on('secureConnection', (socket) => {
    // A broken connection is over at 'close'; the error itself asks for nothing more.
    socket.on('error', () => undefined)
    if (!socket.servername || socket.alpnProtocol !== 'h2') {
      socket.destroy()
      return
    }
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    socket.setNoDelay(true)
    grpc.inject(socket)
  })
  tls.on('tlsClientError', (error, socket) => {
    logger.debug({ err: error }, 'a TLS handshake of a client failed')
    socket.destroy()
  })
  const address = await bind(tls, listen, 'CLIENT_LISTEN')
  return {
    address,
    async stop({ graceMs }) {
      const closed = once(tls, 'close')
      tls.close()
      await grpc.stop({ graceMs })
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

type Bindable = {
  once(event: 'error', listener: (error: Error) => void): unknown
  listen(port: number, host: string, listener: () => void): unknown
  address(): AddressInfo | string | null
}

/** Binds "host:port" and says what it got. */
export async function bind(server: Bindable, listen: string, variable: string): Promise<string> {
  const colon = listen.lastIndexOf(':')
  const host = listen.slice(0, colon)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', (cause) => {
    const message = `${variable}: cannot listen on ${listen}: ${cause.message} (free the address or choose another)`
    reject(new MailxError('UNAVAILABLE', message, { cause }))
  })
  server.listen(Number(listen.slice(colon + 1)), host.replace(/^\[|\]$/g, ''), resolve)
  await promise
  return `${host}:${(server.address() as AddressInfo).port}`
}
