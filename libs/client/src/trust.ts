import { equal, fromBase64, toBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import type { VerifiedKeys } from '@mailx/keys/key-bundle'

/**
 * What this client has seen and holds others to: the key of each domain, the newest checkpoint of its
 * key log, the user key of each contact. Plain data with base64 keys, to be stored as JSON.
 */
export type Trust = {
  readonly domains: Readonly<Record<string, TrustedDomain>>
  readonly users: Readonly<Record<string, TrustedUser>>
}

export type TrustedDomain = {
  readonly publicKey: string
  readonly checkpoint?: { readonly size: number; readonly root: string }
}

export type TrustedUser = {
  readonly userKey: string
  readonly firstSeenAt: number
  /** Compared by the user over another channel. */
  readonly verified: boolean
}

export const emptyTrust: Trust = { domains: {}, users: {} }

/** The pinned key of a domain, or undefined on first sight. */
export function pinnedDomainKey(trust: Trust, domain: string): Uint8Array | undefined {
  const known = Object.hasOwn(trust.domains, domain) ? trust.domains[domain] : undefined
  return known && fromBase64(known.publicKey, 32)
}

/** The newest checkpoint seen of a domain's key log. */
export function lastCheckpoint(trust: Trust, domain: string) {
  const known = Object.hasOwn(trust.domains, domain) ? trust.domains[domain] : undefined
  return (
    known?.checkpoint && {
      size: known.checkpoint.size,
      root: fromBase64(known.checkpoint.root, 32),
    }
  )
}

/** Trust on first use of a domain key. Throws KEY_CHANGED when another one is pinned. */
export function pinDomain(trust: Trust, domain: string, publicKey: Uint8Array): Trust {
  const pinned = pinnedDomainKey(trust, domain)
  if (pinned === undefined) {
    const seen = { publicKey: toBase64(publicKey) }
    return { ...trust, domains: { ...trust.domains, [domain]: seen } }
  }
  if (equal(pinned, publicKey)) return trust
  throw new MailxError(
    'KEY_CHANGED',
    `the key of ${domain} is not the one seen before; ask its operator, and trust it again only when they confirm the change`,
  )
}

/**
 * Remembers verified keys. Throws KEY_CHANGED when a contact's user key is not the one seen before, and
 * BAD_PROOF when the domain's key log went back.
 */
export function remember(trust: Trust, keys: VerifiedKeys, domain: string, now: number): Trust {
  const { address, userKey, checkpoint } = keys
  const known = Object.hasOwn(trust.users, address) ? trust.users[address] : undefined
  if (known && known.userKey !== toBase64(userKey)) {
    throw new MailxError(
      'KEY_CHANGED',
      `the key of ${address} is not the one seen before: compare fingerprints with them, then run \`mailx keys --accept ${address}\``,
    )
  }
  const last = lastCheckpoint(trust, domain)
  if (last && checkpoint.size < last.size) {
    throw new MailxError(
      'BAD_PROOF',
      `the key log of ${domain} went back from ${last.size} to ${checkpoint.size} entries: do not trust new keys of this domain`,
    )
  }
  const publicKey = trust.domains[domain]?.publicKey ?? keys.document.publicKey
  return {
    domains: {
      ...trust.domains,
      [domain]: {
        publicKey,
        checkpoint: { size: checkpoint.size, root: toBase64(checkpoint.root) },
      },
    },
    users: {
      ...trust.users,
      [address]: known ?? { userKey: toBase64(userKey), firstSeenAt: now, verified: false },
    },
  }
}

/** Takes a contact's new key, after the user compared it. */
export function acceptUserKey(
  trust: Trust,
  address: string,
  userKey: Uint8Array,
  now: number,
): Trust {
  const seen = { userKey: toBase64(userKey), firstSeenAt: now, verified: true }
  return { ...trust, users: { ...trust.users, [address]: seen } }
}

/** What is known of a contact, or undefined. */
export const trustedUser = (trust: Trust, address: string): TrustedUser | undefined =>
  Object.hasOwn(trust.users, address) ? trust.users[address] : undefined
