/**
 * The mutual challenge of one connection (proto/README.md, section 8). Both sides sign the same facts: role, both
 * domains, both nonces, the TLS exporter, the version. So an answer cannot be reflected (the role),
 * relayed to another domain (the names, the exporter) or replayed on another connection (the
 * exporter, both nonces), and the version cannot be changed on the way.
 *   dialler → Hello: nonce, versions           listener: certificate's domain = from, hosted = to
 *   listener → nonce, version, signature       dialler: key certified for `deliver`, signature
 *   dialler → Authorize: signature             listener: the same; the connection is authorized
 */
import { randomBytes } from '@mailx/crypto/random'
import { MailxError } from '@mailx/errors/mailx-error'
import { callUnary } from '@mailx/grpc/client'
import {
  type AuthorizeRequest,
  type AuthorizeResponse,
  type HelloRequest,
  type HelloResponse,
  PeerServiceClient,
} from '@mailx/proto/peer/v1/peer_service'
import { signStatement, verifyStatement } from '@mailx/statement/statement'
import type { PeerChannel } from './dial-peer.ts'
import type { PeerConnection } from './peer-connection.ts'
import { highestCommonVersion, protocolVersions } from './protocol-version.ts'

const NONCE_BYTES = 32

/** A `deliver` key of ours, as operational-key.ts holds it. */
export type ChallengeKey = { readonly kid: string; readonly secretKey: Uint8Array }

/** The peer's `deliver` key of that name, valid now; undefined when the peer publishes none. */
export type FindPeerKey = (peer: string, kid: string) => Promise<Uint8Array | undefined>

type Challenge = {
  readonly role: 'dialler' | 'listener'
  readonly from: string
  readonly to: string
  readonly fromNonce: Uint8Array
  readonly toNonce: Uint8Array
  readonly exporter: Uint8Array
  readonly version: number
}

const refusal = (reason: string) => new MailxError('PEER_NOT_AUTHENTIC', reason)

async function checkSignature(
  challenge: Challenge,
  signed: { readonly kid: string; readonly signature: Uint8Array },
  signer: string,
  findKey: FindPeerKey,
): Promise<void> {
  const key = await findKey(signer, signed.kid)
  if (key === undefined) {
    throw refusal(`${signer} publishes no valid deliver key of the name it signed with`)
  }
  if (!verifyStatement('peer-challenge', challenge, signed.signature, key)) {
    throw refusal(`the signature of ${signer} does not answer the challenge of this connection`)
  }
}

export type AuthorizePeerOptions = {
  readonly channel: PeerChannel
  /** The hosted domain in whose name the channel was dialled. */
  readonly from: string
  readonly key: ChallengeKey
  readonly findKey: FindPeerKey
  readonly timeoutMs?: number
}

/**
 * Authorizes a dialled channel, both ways. Resolves with the protocol version to speak. Rejects with
 * PEER_NOT_AUTHENTIC, with UNSUPPORTED_VERSION, or with what the peer answered.
 */
export async function authorizePeer(options: AuthorizePeerOptions): Promise<{ protocol: number }> {
  const { channel, findKey, from, key, timeoutMs = 10_000 } = options
  const { exporter, peer: to } = channel
  const client = channel.client(PeerServiceClient)
  const fromNonce = randomBytes(NONCE_BYTES)
  const { min: minProtocol, max: maxProtocol } = protocolVersions
  const hello = { from, to, nonce: fromNonce, minProtocol, maxProtocol }
  const answer = await callUnary(client.hello, hello, { timeoutMs })

  const { nonce: toNonce, protocol } = answer
  if (toNonce.length !== NONCE_BYTES) throw refusal(`${to} sent a nonce of the wrong length`)
  if (protocol < minProtocol || protocol > maxProtocol) {
    throw new MailxError('UNSUPPORTED_VERSION', `${to} chose a version that was not offered`)
  }
  const facts = { from, to, fromNonce, toNonce, exporter, version: protocol }
  await checkSignature({ role: 'listener', ...facts }, answer, to, findKey)

  const challenge: Challenge = { role: 'dialler', ...facts }
  const signature = signStatement('peer-challenge', challenge, key.secretKey)
  await callUnary(client.authorize, { kid: key.kid, signature }, { timeoutMs })
  return { protocol }
}

export type PeerChallengeOptions = {
  /** Our `deliver` key for a hosted domain. */
  readonly keyOf: (domain: string) => Promise<ChallengeKey>
  readonly findKey: FindPeerKey
  readonly now: () => number
  readonly onAuthorized?: (connection: PeerConnection) => void
}

export type PeerChallenge = {
  hello(connection: PeerConnection, request: HelloRequest): Promise<HelloResponse>
  authorize(connection: PeerConnection, request: AuthorizeRequest): Promise<AuthorizeResponse>
}

/** The listening side. A connection has one attempt; the listener closes it when that failed. */
export function peerChallenge(options: PeerChallengeOptions): PeerChallenge {
  return {
    hello: async (connection, request) => {
      const { local: to, peer: from } = connection
      if (connection.state.status !== 'verified') {
        throw new MailxError(
          'FAILED_PRECONDITION',
          'Hello was said already; dial anew to repeat it',
        )
      }
      if (request.from !== from) throw refusal(`the certificate is for ${from}, not for the sender`)
      if (request.to !== to || from === to) throw refusal(`this connection was dialled to ${to}`)
      if (request.nonce.length !== NONCE_BYTES) {
        throw new MailxError('INVALID_ARGUMENT', `nonce must be ${NONCE_BYTES} bytes`)
      }
      const theirs = { min: request.minProtocol, max: request.maxProtocol }
      const protocol = highestCommonVersion(protocolVersions, theirs)
      if (protocol === undefined) {
        const { min, max } = protocolVersions
        throw new MailxError('UNSUPPORTED_VERSION', `${to} speaks protocol ${min} to ${max}`)
      }
      const toNonce = randomBytes(NONCE_BYTES)
      const fromNonce = request.nonce
      connection.state = { status: 'greeted', fromNonce, toNonce, protocol }
      const { kid, secretKey } = await options.keyOf(to)
      const { exporter } = connection
      const challenge: Challenge = {
        role: 'listener',
        from,
        to,
        fromNonce,
        toNonce,
        exporter,
        version: protocol,
      }
      const signature = signStatement('peer-challenge', challenge, secretKey)
      return { nonce: toNonce, protocol, kid, signature }
    },

    authorize: async (connection, request) => {
      const { exporter, local: to, peer: from, state } = connection
      if (state.status !== 'greeted') {
        throw new MailxError('FAILED_PRECONDITION', 'call Hello first, then Authorize once')
      }
      const { fromNonce, protocol, toNonce } = state
      // A nonce is answered once, right or wrong.
      connection.state = { status: 'refused' }
      const challenge: Challenge = {
        role: 'dialler',
        from,
        to,
        fromNonce,
        toNonce,
        exporter,
        version: protocol,
      }
      await checkSignature(challenge, request, from, options.findKey)
      connection.state = { status: 'authorized', protocol, at: options.now() }
      options.onAuthorized?.(connection)
      return {}
    },
  }
}
