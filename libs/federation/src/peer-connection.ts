import type { TLSSocket } from 'node:tls'

/** How far the mutual challenge of one connection has come. */
export type PeerState =
  | { readonly status: 'verified' }
  | {
      readonly status: 'greeted'
      readonly fromNonce: Uint8Array
      readonly toNonce: Uint8Array
      readonly protocol: number
    }
  | { readonly status: 'refused' }
  | { readonly status: 'authorized'; readonly protocol: number; readonly at: number }

/** A connection that a peer dialled and whose certificate was found good. */
export type PeerConnection = {
  /** The peer's domain, from its certificate. Nothing that the peer sends can change it. */
  readonly peer: string
  /** The hosted domain that the peer dialled, from SNI. */
  readonly local: string
  /** What both ends of this very TLS channel know, and nobody else (RFC 8446 §7.5). */
  readonly exporter: Uint8Array
  readonly remoteAddress: string
  state: PeerState
  close(): void
}

/** RFC 8446 §7.5: bytes that only the two ends of this very TLS connection can compute. */
export const exporterOf = (socket: TLSSocket): Uint8Array =>
  new Uint8Array(socket.exportKeyingMaterial(32, 'EXPORTER-mailx-peer', Buffer.alloc(0)))
