import { parseDomain } from '@mailx/address/domain'
import { fromUtf8, utf8 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'

/**
 * The core NATS subject on which inbound-federation tells that a peer has authorized itself, so that
 * outbound-federation tries it at once. A message may get lost, and a forged one only causes a try.
 */
export const PEERS_CONTACTED = 'peers.contacted'

export const encodePeerContact = (peer: string): Uint8Array => utf8(peer)

/** The peer's domain; undefined for anything else. */
export function decodePeerContact(data: Uint8Array): string | undefined {
  try {
    return parseDomain(fromUtf8(data))
  } catch (error) {
    if (error instanceof MailxError) return undefined
    throw error
  }
}
