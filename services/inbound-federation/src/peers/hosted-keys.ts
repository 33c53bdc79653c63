import { MailxError } from '@mailx/errors/mailx-error'
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
import { repeatedly } from '@mailx/messaging/repeatedly'
import type { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'

/** What every hosted domain shows to peers and signs with. */
export type HostedKeys = {
  /** The leaf in use; undefined for a domain that is not hosted, or that identity has not served. */
  certificateOf(domain: string): PeerCertificate | undefined
  /** The `deliver` key in use. Throws UNAVAILABLE where there is none yet. */
  keyOf(domain: string): OperationalSigningKey
  /** Takes a domain in hand: asks identity until it gives what is needed. */
  take(domain: string): void
  /** The domains that still wait for identity. */
  missing(): readonly string[]
  /** The domains that have their key and certificate. */
  held(): readonly string[]
  stop(): Promise<void>
}

type Options = Omit<HoldOperationalKeyOptions, 'domain' | 'use' | 'holder' | 'identity'> & {
  readonly identity: Pick<IdentityServiceClient, 'certifyOperationalKey' | 'issueCertificate'>
  readonly onFailure: (error: unknown) => void
}

type Held = { readonly certificate: KeptCertificate; readonly key: HeldOperationalKey }

const RETRY_MS = 1_000

export function hostedKeys(options: Options): HostedKeys {
  const held = new Map<string, Held>()
  const wanted = new Set<string>()
  const missing = () => [...wanted].filter((domain) => !held.has(domain))
  const holding = new Map<string, Promise<void>>()

  const hold = (domain: string): Promise<void> => {
    const running = holding.get(domain) ?? start(domain).finally(() => holding.delete(domain))
    holding.set(domain, running)
    return running
  }
  const start = async (domain: string): Promise<void> => {
    const { identity, now, onFailure } = options
    const key = await holdOperationalKey({
      ...options,
      domain,
      use: 'deliver',
      holder: 'inbound-federation',
    })
    try {
      const certificate = await keepCertificate({ identity, domain, now, onFailure })
      held.set(domain, { certificate, key })
    } catch (error) {
      key.stop()
      throw error
    }
  }
  const filling = repeatedly(
    RETRY_MS,
    async () => {
      await Promise.all(missing().map(hold))
    },
    options.onFailure,
  )
  return {
    certificateOf: (domain) => held.get(domain)?.certificate.current(),
    keyOf: (domain) => {
      const found = held.get(domain)
      if (found !== undefined) return found.key.current()
      throw new MailxError('UNAVAILABLE', `${domain} has no deliver key yet; try again in a second`)
    },
    take: (domain) => {
      if (wanted.has(domain)) return
      wanted.add(domain)
      hold(domain).catch(options.onFailure)
    },
    missing,
    held: () => [...held.keys()],
    stop: async () => {
      await filling.stop()
      await Promise.allSettled(holding.values())
      for (const { certificate, key } of held.values()) {
        certificate.stop()
        key.stop()
      }
    },
  }
}
