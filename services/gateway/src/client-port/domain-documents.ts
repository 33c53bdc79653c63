import { MailxError } from '@mailx/errors/mailx-error'
import { callUnary } from '@mailx/grpc/client'
import type { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import { LRUCache } from 'lru-cache'

type Deps = {
  readonly identity: Pick<IdentityServiceClient, 'getDomainDocument'>
  readonly isHosted: (domain: string) => boolean
}

/** A new document (a new key, say) is served this soon. */
const FRESH_MS = 1_000
const MAX_DOCUMENTS = 1_000

/**
 * The signed documents of hosted domains, as identity composes them. While identity is away the last
 * one goes on being served: its own validity says for how long it is good. Without one it rejects as
 * identity does: a hosted domain is never said to be unknown.
 */
export function domainDocuments({ identity, isHosted }: Deps) {
  const documents = new LRUCache<string, Uint8Array>({
    max: MAX_DOCUMENTS,
    ttl: FRESH_MS,
    fetchMethod: (domain, last) =>
      callUnary(identity.getDomainDocument, { domain }).then(
        ({ document }) => document,
        (error: unknown) => {
          if (last === undefined) throw error
          return last
        },
      ),
  })
  return async (domain: string): Promise<Uint8Array> => {
    if (!isHosted(domain)) {
      throw new MailxError('NOT_FOUND', `${domain.slice(0, 253)} is not hosted here`)
    }
    return documents.forceFetch(domain)
  }
}
