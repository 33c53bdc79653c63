import { equal, fromUtf8, toBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Decider } from '@mailx/events/decider'
import type { DirectoryEvent } from '@mailx/events/directory'
import type { DomainDocument } from '@mailx/keys/domain-document'

/** What we hold for true about another domain. */
export type Peer = {
  /** The last document that its key signed; undefined before the first discovery. */
  readonly known:
    | { readonly publicKey: Uint8Array; readonly document: Uint8Array; readonly serial: bigint }
    | undefined
  /** The key that an operator named. It decides over every other source. */
  readonly pinnedKey: Uint8Array | undefined
  /** A key that appeared and that nothing of ours vouches for. */
  readonly quarantinedKey: Uint8Array | undefined
}

/** A document that verifies under the key it came with; whether that key is the domain's is open. */
export type Offer = {
  readonly publicKey: Uint8Array
  readonly document: Uint8Array
  readonly serial: number
  readonly source: 'dns' | 'static' | 'pin'
  readonly dnssec: 'secure' | 'insecure'
  /** All keys that the source names at the same time. */
  readonly announcedKeys: readonly Uint8Array[]
}

export type PeerCommand =
  | {
      readonly type: 'RecordDiscovery'
      readonly domain: string
      readonly offer: Offer
      readonly at: number
    }
  | {
      readonly type: 'PinPeer'
      readonly domain: string
      readonly publicKey: Uint8Array
      readonly actor: string
    }

/**
 * Whether the offered key may be taken for the domain's. The first one is; afterwards only the same
 * key, or one that somebody entitled to it vouches for: the operator (a pin, the static file), the key
 * we hold (its last document certified the new one for use `domain`), or the zone itself, where its
 * signed record (DNSSEC) names both keys side by side. An unsigned record that names both is worth
 * nothing: whoever can forge one key into it can forge two.
 */
export function isVouchedFor(offer: Offer, { known, pinnedKey }: Peer): boolean {
  if (pinnedKey !== undefined) return equal(offer.publicKey, pinnedKey)
  if (known === undefined || equal(offer.publicKey, known.publicKey)) return true
  if (offer.source === 'static') return true
  const overlapping = offer.announcedKeys.some((key) => equal(key, known.publicKey))
  return (offer.dnssec === 'secure' && overlapping) || certifies(known.document, offer.publicKey)
}

/** Whether a document, ours and verified long ago, names the key as the domain's next one. */
function certifies(document: Uint8Array, key: Uint8Array): boolean {
  const { keys } = JSON.parse(fromUtf8(document)) as DomainDocument
  return keys.some(({ publicKey, use }) => use === 'domain' && publicKey === toBase64(key))
}

function decide(command: PeerCommand, peer: Peer): DirectoryEvent[] {
  switch (command.type) {
    case 'RecordDiscovery':
      return recordDiscovery(command, peer)
    case 'PinPeer': {
      const { actor, domain, publicKey } = command
      if (peer.pinnedKey !== undefined && equal(peer.pinnedKey, publicKey)) return []
      return [{ type: 'PeerPinned', data: { domain, publicKey, actor } }]
    }
  }
}

function recordDiscovery(
  { at, domain, offer }: Extract<PeerCommand, { type: 'RecordDiscovery' }>,
  peer: Peer,
): DirectoryEvent[] {
  const { known } = peer
  if (!isVouchedFor(offer, peer)) {
    const { quarantinedKey } = peer
    if (quarantinedKey !== undefined && equal(quarantinedKey, offer.publicKey)) return []
    const data = {
      domain,
      knownKey: peer.pinnedKey ?? known?.publicKey ?? new Uint8Array(0),
      offeredKey: offer.publicKey,
      seenAtUnixMs: BigInt(at),
    }
    return [{ type: 'PeerQuarantined', data }]
  }
  const serial = BigInt(offer.serial)
  if (known !== undefined && equal(known.publicKey, offer.publicKey)) {
    if (serial === known.serial) return []
    if (serial < known.serial) {
      throw new MailxError(
        'BAD_DOMAIN_DOCUMENT',
        `${domain} serves document ${serial}, older than the ${known.serial} that it served before`,
      )
    }
  }
  const { dnssec, document, publicKey, source } = offer
  const discoveredAtUnixMs = BigInt(at)
  const data = { domain, publicKey, document, serial, source, dnssec, discoveredAtUnixMs }
  return [{ type: 'PeerDiscovered', data }]
}

function evolve(peer: Peer, event: DirectoryEvent): Peer {
  switch (event.type) {
    case 'PeerDiscovered': {
      const { document, publicKey, serial } = event.data
      return { ...peer, known: { publicKey, document, serial }, quarantinedKey: undefined }
    }
    case 'PeerPinned':
      return { ...peer, pinnedKey: event.data.publicKey, quarantinedKey: undefined }
    case 'PeerQuarantined':
      return { ...peer, quarantinedKey: event.data.offeredKey }
  }
}

export const peer: Decider<Peer, PeerCommand, DirectoryEvent> = {
  initialState: { known: undefined, pinnedKey: undefined, quarantinedKey: undefined },
  decide,
  evolve,
}
