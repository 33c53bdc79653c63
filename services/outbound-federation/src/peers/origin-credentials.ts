import {
  type HeldOperationalKey,
  type HoldOperationalKeyOptions,
  holdOperationalKey,
  type OperationalSigningKey,
} from '@mailx/federation/operational-key'
import {
  type KeptCertificate,
  keepCertificate,
  type PeerCertificate,
} from '@mailx/federation/peer-certificate'
import type { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'

/** What a hosted domain shows and signs with when it talks to others. */
export type OriginCredentials = {
  readonly certificate: PeerCertificate
  readonly key: OperationalSigningKey
}

export type Origins = {
  /** The credentials to use now. Rejects when identity gives none: the domain is not hosted, or it is away. */
  credentialsOf(origin: string): Promise<OriginCredentials>
  stop(): Promise<void>
}

export type OriginCredentialsOptions = Omit<
  HoldOperationalKeyOptions,
  'domain' | 'use' | 'holder' | 'identity'
> & {
  readonly identity: Pick<IdentityServiceClient, 'certifyOperationalKey' | 'issueCertificate'>
  /** Connections that show the old certificate are to be replaced. */
  readonly onCertificateRenewed: (origin: string) => void
}

type Held = { readonly certificate: KeptCertificate; readonly key: HeldOperationalKey }

/** Certificates and `deliver` keys of the hosted domains, each taken in hand when first needed. */
export function originCredentials(options: OriginCredentialsOptions): Origins {
  const held = new Map<string, Promise<Held>>()

  const hold = async (domain: string): Promise<Held> => {
    const { identity, now, onCertificateRenewed, onFailure } = options
    const key = await holdOperationalKey({
      ...options,
      domain,
      use: 'deliver',
      holder: 'outbound-federation',
    })
    try {
      const renewal = { identity, domain, now, ...(onFailure && { onFailure }) }
      const certificate = await keepCertificate(renewal)
      certificate.onRenewed(() => onCertificateRenewed(domain))
      return { certificate, key }
    } catch (error) {
      key.stop()
      throw error
    }
  }

  return {
    credentialsOf: async (origin) => {
      const known = held.get(origin) ?? hold(origin)
      held.set(origin, known)
      try {
        const { certificate, key } = await known
        return { certificate: certificate.current(), key: key.current() }
      } catch (error) {
        // The next attempt asks identity again.
        held.delete(origin)
        throw error
      }
    },
    stop: async () => {
      for (const settled of await Promise.allSettled(held.values())) {
        if (settled.status === 'rejected') continue
        settled.value.key.stop()
        settled.value.certificate.stop()
      }
    },
  }
}
