/**
 * From an address to a channel that is ready for Hello (authorize-peer.ts):
 *  1. Dial the addresses that discovery checked, one after another; no name is resolved again. None
 *     answers: UNAVAILABLE.
 *  2. TLS 1.3 with our leaf, SNI the peer's domain. The peer's leaf is judged twice: by our own
 *     rules, and by OpenSSL against the peer's CA certificate. Either fails: PEER_NOT_AUTHENTIC.
 *  3. The channel is this one TLS connection. When it is lost, gRPC would open another that nobody
 *     authorized: that is refused, calls fail with UNAVAILABLE, and the caller dials again.
 */
import type { Socket } from 'node:net'
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls'
import {
  Channel,
  type ChannelCredentials,
  type Client,
  type ClientOptions,
  connectivityState,
  credentials,
} from '@grpc/grpc-js'
import { MailxError } from '@mailx/errors/mailx-error'
import { bindMethods } from '@mailx/grpc/client'
import { tlsFloor } from '@mailx/grpc/tls-floor'
import { channelOptions } from './channel-options.ts'
import type { PeerAuthority } from './peer-authority.ts'
import { checkLeaf, type PeerCertificate } from './peer-certificate.ts'
import { exporterOf } from './peer-connection.ts'

export type DialPeerOptions = {
  /** The peer's CA, from its verified document (peer-authority.ts). */
  readonly authority: PeerAuthority
  /** Our own leaf. */
  readonly certificate: PeerCertificate
  /** IP addresses that passed the checks of discovery. */
  readonly addresses: readonly string[]
  readonly port: number
  readonly now: () => number
  /** For each address; 10 s if left out. */
  readonly timeoutMs?: number
}

type ClientOf<C extends Client> = new (
  address: string,
  credentials: ChannelCredentials,
  options?: Partial<ClientOptions>,
) => C

export type PeerChannel = {
  readonly peer: string
  /** "address:port" that answered. */
  readonly remote: string
  /** What both ends of this very TLS connection know, and nobody else. */
  readonly exporter: Uint8Array
  /** A client of a generated service over this connection. Close the channel, not the client. */
  client<C extends Client>(service: ClientOf<C>): C
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>
  close(): void
}

/** What became of the one TLS handshake that a channel may make. */
type Attempt = { socket?: TLSSocket; fault?: MailxError }

/** Connects to a peer and proves who it is. It does not talk to us yet: authorize next. */
export async function dialPeer(options: DialPeerOptions): Promise<PeerChannel> {
  let failure = new MailxError('UNAVAILABLE', `${options.authority.domain} has no address to dial`)
  for (const address of options.addresses) {
    try {
      return await dialAddress(address, options)
    } catch (error) {
      if (!(error instanceof MailxError)) throw error
      failure = error
    }
  }
  throw failure
}

async function dialAddress(address: string, options: DialPeerOptions): Promise<PeerChannel> {
  const { authority, port, timeoutMs = 10_000 } = options
  const version6 = address.includes(':')
  const remote = version6 ? `[${address}]:${port}` : `${address}:${port}`
  const attempt: Attempt = {}
  const channel = new Channel(
    `${version6 ? 'ipv6' : 'ipv4'}:${remote}`,
    peerCredentials(options, attempt),
    { ...channelOptions, 'grpc.default_authority': authority.domain },
  )
  const ready = await untilReady(channel, timeoutMs)
  const { socket } = attempt
  if (!ready || socket === undefined) {
    channel.close()
    throw attempt.fault ?? unreachable(authority.domain, remote, socket !== undefined)
  }
  const closed = Promise.withResolvers<void>()
  if (socket.closed) closed.resolve()
  else socket.once('close', () => closed.resolve())
  return {
    peer: authority.domain,
    remote,
    exporter: exporterOf(socket),
    client: (Service) =>
      bindMethods(new Service(remote, credentials.createInsecure(), { channelOverride: channel })),
    closed: closed.promise,
    close: () => channel.close(),
  }
}

function unreachable(peer: string, remote: string, handshaken: boolean): MailxError {
  const message = handshaken
    ? `${peer} at ${remote} closed the connection when it saw our certificate; its log says why`
    : `cannot connect to ${peer} at ${remote}`
  return new MailxError('UNAVAILABLE', message)
}

/** True once HTTP/2 is up, which the peer allows only after it has accepted our certificate. */
async function untilReady(channel: Channel, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs
  let state = channel.getConnectivityState(true)
  while (state === connectivityState.IDLE || state === connectivityState.CONNECTING) {
    const changed = await new Promise<boolean>((resolve) => {
      channel.watchConnectivityState(state, deadline, (error) => resolve(error === undefined))
    })
    if (!changed) return false
    state = channel.getConnectivityState(true)
  }
  return state === connectivityState.READY
}

/**
 * Channel credentials whose handshake is ours: gRPC's own never shows the TLS socket, and without it
 * there is no exporter to bind the challenge to.
 */
function peerCredentials(options: DialPeerOptions, attempt: Attempt): ChannelCredentials {
  const { certPem: cert, keyPem: key } = options.certificate
  const context = createSecureContext({ ca: options.authority.pem, cert, key, ...tlsFloor })
  const made = credentials.createFromSecureContext(context)
  let used = false
  // oxlint-disable-next-line no-underscore-dangle -- abstract and public in gRPC's own types
  made._createSecureConnector = () => ({
    connect: async (tcp) => {
      if (used) throw new MailxError('UNAVAILABLE', 'the peer connection has ended; dial again')
      used = true
      try {
        attempt.socket = await handshake(tcp, context, options)
        return { socket: attempt.socket, secure: true }
      } catch (error) {
        attempt.fault = asFault(error, options.authority.domain)
        throw attempt.fault
      }
    },
    waitForReady: () => Promise.resolve(),
    getCallCredentials: () => credentials.createEmpty(),
    destroy: () => undefined,
  })
  return made
}

async function handshake(tcp: Socket, secureContext: SecureContext, options: DialPeerOptions) {
  const { authority, now } = options
  const socket = connect({
    socket: tcp,
    secureContext,
    servername: authority.domain,
    ALPNProtocols: ['h2'],
    // Judged right below, with a reason that names the fault, before a byte of ours is sent.
    rejectUnauthorized: false,
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.on('error', reject)
    socket.once('close', () => reject(new Error('the connection closed during the handshake')))
  })
  try {
    judge(socket, authority, now())
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

const refusal = (reason: string) => new MailxError('PEER_NOT_AUTHENTIC', reason)

function judge(socket: TLSSocket, authority: PeerAuthority, now: number): void {
  const leaf = socket.getPeerX509Certificate()
  if (leaf === undefined) throw refusal('the peer presented no certificate')
  checkLeaf(leaf, { domain: authority.domain, authority, purpose: 'server', now })
  if (!socket.authorized) {
    throw refusal(`OpenSSL does not accept the certificate: ${String(socket.authorizationError)}`)
  }
  if (socket.alpnProtocol !== 'h2') throw refusal('the peer does not speak HTTP/2 (ALPN h2)')
}

function asFault(error: unknown, peer: string): MailxError {
  if (error instanceof MailxError) {
    return error.code === 'PEER_NOT_AUTHENTIC'
      ? new MailxError('PEER_NOT_AUTHENTIC', `${peer}: ${error.message}`, { cause: error })
      : error
  }
  const { code = '', message } = error as NodeJS.ErrnoException
  if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/.test(code)) {
    const reason = `${peer}: the peer does not speak TLS 1.3`
    return new MailxError('PEER_NOT_AUTHENTIC', reason, { cause: error })
  }
  const reason = `the TLS handshake with ${peer} failed: ${code || message}`
  return new MailxError('UNAVAILABLE', reason, { cause: error })
}
