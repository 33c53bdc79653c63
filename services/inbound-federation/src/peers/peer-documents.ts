import { fromUtf8 } from '@mailx/crypto/encoding'
import { authorityOf, type PeerAuthority } from '@mailx/federation/peer-authority'
import { callUnary } from '@mailx/grpc/client'
import { type DomainDocument, keyByKid } from '@mailx/keys/domain-document'
import type { DirectoryServiceClient } from '@mailx/proto/directory/v1/directory_service'

/** The verified documents of peers, as directory gives them, remembered for a minute. */
export type PeerDocuments = {
  /** The peer's CA. `fresh` has the peer asked anew. */
  authorityOf(domain: string, fresh: boolean): Promise<PeerAuthority>
  /**
   * The peer's `deliver` key of that name, valid now. One that is not known is looked for in a fresh
   * document, but not more than every five seconds per peer.
   */
  findKey(domain: string, kid: string): Promise<Uint8Array | undefined>
}

type Deps = {
  readonly directory: Pick<DirectoryServiceClient, 'getPeer'>
  readonly now: () => number
}

const KEEP_MS = 60_000
/** A key that was just made is in the peer's answer a second later. */
const FRESH_EVERY_MS = 5_000
const MAX_KEPT = 10_000

type Kept = { readonly document: DomainDocument; readonly at: number; readonly fresh: boolean }

export function peerDocuments({ directory, now }: Deps): PeerDocuments {
  const kept = new Map<string, Kept>()

  const ask = async (domain: string, fresh: boolean): Promise<Kept> => {
    const { document } = await callUnary(
      directory.getPeer,
      { domain, fresh },
      { timeoutMs: 10_000 },
    )
    // Directory has verified it under the domain's key.
    const found = { document: JSON.parse(fromUtf8(document)) as DomainDocument, at: now(), fresh }
    kept.delete(domain)
    kept.set(domain, found)
    const [oldest] = kept.keys()
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest)
    return found
  }
  const documentOf = async (domain: string, fresh: boolean): Promise<Kept> => {
    const known = kept.get(domain)
    if (known === undefined || now() >= known.at + KEEP_MS) return ask(domain, fresh)
    const isNew = known.fresh && now() < known.at + FRESH_EVERY_MS
    return fresh && !isNew ? ask(domain, true) : known
  }
  return {
    authorityOf: async (domain, fresh) =>
      authorityOf((await documentOf(domain, fresh)).document, now()),
    findKey: async (domain, kid) => {
      const find = (document: DomainDocument) =>
        keyByKid(document, kid, 'deliver', now())?.publicKey
      const known = await documentOf(domain, false)
      return find(known.document) ?? find((await documentOf(domain, true)).document)
    },
  }
}
