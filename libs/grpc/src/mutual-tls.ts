import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Logger } from '@mailx/telemetry/logger'
import { onlyAllowedCallers } from './allowed-callers.ts'
import { connectGrpc } from './client.ts'
import { createInjectedServer } from './injected-server.ts'
import { internalCredentials } from './internal-credentials.ts'
import type { InternalGrpc, InternalServeOptions } from './internal-grpc.ts'
import type { ServedGrpc } from './serve.ts'
import { type ServiceId, serviceIdOf, serviceUri } from './service-id.ts'
import { tlsFloor } from './tls-floor.ts'
import type { WatchedCertificate } from './watch-certificate.ts'

const HANDSHAKE_MS = 10_000

/**
 * By mutual TLS 1.3 among the certificates of one authority. Each side sees from the other's
 * certificate which service of the deployment it is; what a connection began with it goes on with,
 * and every new one takes the certificate and the authorities of that moment.
 */
export const mutualTls = (certificate: WatchedCertificate): InternalGrpc => ({
  serve: (options) => serve(certificate, options),
  connect: (to, Service, target) =>
    connectGrpc(Service, target, {
      credentials: internalCredentials(certificate, to),
      // What it is asked for at the handshake; an IP address is not allowed there.
      options: { 'grpc.ssl_target_name_override': to },
    }),
})

// One server per process: grpc-js could do the handshake, too, but would parse the caller's
// certificate again with every call, and say nothing of the handshakes that it refuses.
async function serve(
  certificate: WatchedCertificate,
  { listen, services, options = {}, ...settings }: InternalServeOptions,
): Promise<ServedGrpc> {
  const { logger } = settings.telemetry
  const callers = new Map<string, ServiceId>()
  const interceptor = onlyAllowedCallers({
    services,
    callerOf: (peer) => callers.get(peer),
    logger,
  })
  const grpc = createInjectedServer({
    health: true,
    ...settings,
    services,
    options: { ...options, interceptors: [...(options.interceptors ?? []), interceptor] },
  })
  const tls = createServer({
    ...contextOf(certificate),
    ALPNProtocols: ['h2'],
    requestCert: true,
    // Judged right below, where the reason can be told, before a byte is read.
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_MS,
  })
  const unwatch = certificate.onRenewed(() => tls.setSecureContext(contextOf(certificate)))
  const refuse = refusals(logger)
  const open = new Set<Socket>()
  tls.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  tls.on('secureConnection', (socket) => {
    socket.on('error', () => socket.destroy())
    try {
      const caller = authenticate(socket, certificate)
      const name = `${socket.remoteAddress}:${socket.remotePort}`
      callers.set(name, caller)
      socket.once('close', () => {
        if (callers.get(name) === caller) callers.delete(name)
      })
      grpc.inject(socket)
    } catch (error) {
      socket.destroy()
      refuse((error as Error).message, socket.remoteAddress)
    }
  })
  tls.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    refuse(`the TLS handshake failed: ${error.code ?? error.message}`, socket.remoteAddress)
  })
  const port = await bind(tls, listen, settings.telemetry.service)
  return {
    address: listen.replace(/:\d+$/, `:${port}`),
    setReady: grpc.setReady,
    stop: async ({ graceMs = 5_000 } = {}) => {
      unwatch()
      const closed = once(tls, 'close')
      tls.close()
      await grpc.stop({ graceMs })
      // Those that never got as far as gRPC.
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

function contextOf(certificate: WatchedCertificate) {
  const { ca, cert, key } = certificate.current()
  return { ca, cert, key, ...tlsFloor }
}

function authenticate(socket: TLSSocket, own: WatchedCertificate): ServiceId {
  const leaf = socket.getPeerX509Certificate()
  if (leaf === undefined) throw new MailxError('UNAUTHENTICATED', 'it showed no certificate')
  if (!socket.authorized) {
    throw new MailxError(
      'UNAUTHENTICATED',
      `its certificate is not accepted: ${String(socket.authorizationError)}`,
    )
  }
  const caller = serviceIdOf(leaf)
  if (caller.deployment === own.current().id.deployment) return caller
  throw new MailxError('UNAUTHENTICATED', `${serviceUri(caller)} is of another deployment`)
}

const TELL_AGAIN_MS = 60_000

/** One line a minute for each reason. */
function refusals(logger: Logger) {
  const told = new Map<string, number>()
  return (reason: string, address: string | undefined) => {
    const at = performance.now()
    for (const [one, since] of told) if (at - since > TELL_AGAIN_MS) told.delete(one)
    if (told.has(reason)) return
    told.set(reason, at)
    logger.warn({ reason, address }, 'refused a connection of internal gRPC')
  }
}

async function bind(tls: ReturnType<typeof createServer>, listen: string, service: string) {
  const [, host = '', port = ''] = /^(.+):(\d+)$/.exec(listen) ?? []
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  tls.once('error', reject)
  if (listen.startsWith('unix:')) reject(new Error('mutual TLS is for host:port'))
  else tls.listen(Number(port), host.replace(/^\[|\]$/g, ''), resolve)
  await promise.catch((cause: Error) => {
    throw new MailxError(
      'FAILED_PRECONDITION',
      `${service} cannot listen on ${listen}: ${cause.message} (free the address or choose another)`,
      { cause },
    )
  })
  return (tls.address() as AddressInfo).port
}
