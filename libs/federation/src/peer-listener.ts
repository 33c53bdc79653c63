/**
 * The way of one incoming connection, and what ends it:
 *  1. TCP: above the cap of unverified connections (in all, per address) it is closed unread.
 *  2. TLS 1.3: SNI picks the hosted domain's leaf. An unknown domain, an older TLS or ten seconds
 *     of silence end it.
 *  3. The client's leaf names the peer, discovery gives the peer's CA, the leaf is checked
 *     (verify-peer.ts).
 *  4. Only now does gRPC see the socket. Not one HTTP/2 byte was read before.
 *  5. Hello and Authorize must follow in time. Until then every other RPC is refused.
 *  6. While it lives the peer is judged again: an expired or replaced leaf, or a peer that the policy
 *     no longer lets in, is cut off.
 */
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { MailxError } from '@mailx/errors/mailx-error'
import { tlsFloor } from '@mailx/grpc/tls-floor'
import { connectionCaps } from './connection-caps.ts'
import { hostedContexts } from './hosted-contexts.ts'
import type { PeerAuthority } from './peer-authority.ts'
import type { PeerCertificate } from './peer-certificate.ts'
import { exporterOf, type PeerConnection } from './peer-connection.ts'
import { type PeerServerOptions, peerServer, socketName } from './peer-server.ts'
import { peerVerifier } from './verify-peer.ts'

const defaultLimits = {
  handshakeMs: 10_000,
  verdictMs: 10_000,
  authorizeMs: 10_000,
  reviewMs: 10 * 60_000,
  unverified: 512,
  unverifiedPerAddress: 64,
  connectionsPerPeer: 16,
}

export type PeerListenerLimits = typeof defaultLimits

/** A connection that was ended, and why: for logs and metrics, never for the peer. */
export type Rejection = { readonly reason: MailxError; readonly remoteAddress: string }

export type PeerListenerOptions = PeerServerOptions & {
  readonly host: string
  readonly port: number
  /** The leaf that a hosted domain uses now, or undefined for a domain not hosted here. */
  readonly certificateOf: (domain: string) => PeerCertificate | undefined
  /** The CA of a peer; `fresh` asks the peer anew. Rejects with the reason of a failed discovery. */
  readonly authorityOf: (domain: string, fresh: boolean) => Promise<PeerAuthority>
  /** Throws PEER_NOT_ALLOWED for a domain that the federation policy keeps out. */
  readonly admit: (domain: string) => void
  readonly onRejected: (rejection: Rejection) => void
  readonly now: () => number
  readonly limits?: Partial<PeerListenerLimits>
}

export type PeerListener = {
  readonly port: number
  connections(): readonly PeerConnection[]
  /** Judges every live connection again. Runs by itself every `reviewMs`. */
  review(): Promise<void>
  /** Takes no new connections, lets running calls end for `graceMs`, then closes. */
  stop(options: { readonly graceMs: number }): Promise<void>
}

type Live = PeerConnection & { readonly socket: TLSSocket }

/** Listens for peers. Resolves when the port is bound; rejects with UNAVAILABLE when it cannot be. */
export async function listenForPeers(options: PeerListenerOptions): Promise<PeerListener> {
  const limits = { ...defaultLimits, ...options.limits }
  const live = new Map<string, Live>()
  const grpc = peerServer(live, options)
  const verify = peerVerifier({ ...options, timeoutMs: limits.verdictMs })
  const contextOf = hostedContexts(options.certificateOf)
  const caps = connectionCaps({ total: limits.unverified, perAddress: limits.unverifiedPerAddress })
  const unverified = new Map<string, { socket: Socket; leave: () => void }>()

  const reject = (socket: Socket, error: unknown) => {
    const remoteAddress = socket.remoteAddress ?? 'unknown'
    socket.destroy()
    options.onRejected({ reason: asMailxError(error), remoteAddress })
  }

  const take = async (socket: TLSSocket) => {
    const peer = await verify(socket)
    if (socket.destroyed) return
    const name = socketName(socket)
    const ofPeer = [...live.values()].filter((connection) => connection.peer === peer).length
    if (ofPeer >= limits.connectionsPerPeer || live.has(name)) {
      throw new MailxError('RESOURCE_EXHAUSTED', `${peer} has too many connections open`)
    }
    const connection: Live = {
      peer,
      local: String(socket.servername),
      exporter: exporterOf(socket),
      remoteAddress: socket.remoteAddress ?? '',
      state: { status: 'verified' },
      close: () => socket.destroy(),
      socket,
    }
    const late = setTimeout(() => {
      if (connection.state.status === 'authorized') return
      reject(socket, new MailxError('UNAUTHENTICATED', `${peer} did not authorize in time`))
    }, limits.authorizeMs)
    live.set(name, connection)
    socket.once('close', () => {
      clearTimeout(late)
      live.delete(name)
    })
    unverified.get(name)?.leave()
    grpc.inject(socket)
  }

  const review = async () => {
    const judged = [...live.values()].map(async ({ socket }) => {
      try {
        await verify(socket)
      } catch (error) {
        // A peer that cannot be discovered at this moment has done nothing wrong.
        if (!socket.destroyed && isVerdict(error)) reject(socket, error)
      }
    })
    await Promise.all(judged)
  }

  const tls = createServer({
    ...tlsFloor,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    handshakeTimeout: limits.handshakeMs,
    SNICallback: (domain, done) => {
      const context = contextOf(domain)
      if (context !== undefined) done(null, context)
      else done(new MailxError('NOT_FOUND', `the domain ${domain} is not hosted here`))
    },
  })
  tls.on('connection', (socket: Socket) => {
    const leave = caps.enter(socket.remoteAddress ?? '')
    if (leave === undefined) {
      reject(socket, new MailxError('RESOURCE_EXHAUSTED', 'too many unverified connections'))
      return
    }
    const name = socketName(socket)
    const freePlace = () => {
      leave()
      unverified.delete(name)
    }
    unverified.set(name, { socket, leave: freePlace })
    socket.once('close', freePlace)
  })
  tls.on('secureConnection', (socket) => {
    // A broken connection is over at 'close'; the error itself asks for nothing more.
    socket.on('error', () => undefined)
    take(socket).catch((error: unknown) => reject(socket, error))
  })
  tls.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    // The peer left by itself: nothing was rejected.
    if (error.code === 'ECONNRESET') return
    reject(socket, new MailxError('PEER_NOT_AUTHENTIC', handshakeFault(error), { cause: error }))
  })
  await bind(tls, options)

  const reviewTimer = setInterval(() => {
    review().catch((error: unknown) => {
      options.onRejected({ reason: asMailxError(error), remoteAddress: 'review' })
    })
  }, limits.reviewMs)
  reviewTimer.unref()

  return {
    port: (tls.address() as AddressInfo).port,
    connections: () => [...live.values()],
    review,
    stop: async ({ graceMs }) => {
      clearInterval(reviewTimer)
      const closed = once(tls, 'close')
      tls.close()
      for (const { socket } of unverified.values()) socket.destroy()
      await grpc.stop({ graceMs })
      for (const { socket } of live.values()) socket.destroy()
      await closed
    },
  }
}

const isVerdict = (error: unknown): boolean =>
  error instanceof MailxError &&
  (error.code === 'PEER_NOT_AUTHENTIC' || error.code === 'PEER_NOT_ALLOWED')

const asMailxError = (error: unknown): MailxError =>
  error instanceof MailxError
    ? error
    : new MailxError('INTERNAL', 'a peer connection failed', { cause: error })

function handshakeFault(error: NodeJS.ErrnoException): string {
  if (error instanceof MailxError) return error.message
  switch (error.code ?? '') {
    case 'ERR_TLS_HANDSHAKE_TIMEOUT':
      return 'the TLS handshake took too long'
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
      return 'the peer does not speak TLS 1.3'
    default:
      return `the TLS handshake failed (${error.code ?? error.message})`
  }
}

function bind(tls: ReturnType<typeof createServer>, at: { host: string; port: number }) {
  return new Promise<void>((resolve, reject) => {
    tls.once('error', (cause) => {
      const message = `cannot listen for peers on ${at.host}:${at.port}: ${cause.message}`
      reject(new MailxError('UNAVAILABLE', message, { cause }))
    })
    tls.listen(at.port, at.host, resolve)
  })
}
