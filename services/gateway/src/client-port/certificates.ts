import { type KeptCertificate, keepCertificate } from '@mailx/federation/peer-certificate'
import { type Repetition, repeatedly } from '@mailx/messaging/repeatedly'
import type { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import type { Logger } from '@mailx/telemetry/logger'

export type Certificates = {
  /** The leaf that a hosted domain shows now; undefined until there is one. */
  readonly certificateOf: (domain: string) => ReturnType<KeptCertificate['current']> | undefined
  /** Gets one for every hosted domain that has none. Rejects when identity does not answer. */
  readonly complete: () => Promise<void>
  readonly stop: () => Promise<void>
}

type Deps = {
  readonly identity: Pick<IdentityServiceClient, 'issueCertificate'>
  readonly hostedDomains: () => readonly string[]
  readonly now: () => number
  readonly logger: Logger
}

const LOOK_EVERY_MS = 1_000

/** Holds a certificate for every hosted domain, also for those that are added while it runs. */
export function certificates({ identity, hostedDomains, now, logger }: Deps): Certificates {
  const kept = new Map<string, KeptCertificate>()
  let completing: Promise<void> | undefined

  const getMissing = async () => {
    for (const domain of hostedDomains()) {
      if (kept.has(domain)) continue
      const onFailure = (error: unknown) =>
        logger.error({ err: error, domain }, 'a certificate could not be renewed; trying again')
      kept.set(domain, await keepCertificate({ identity, domain, now, onFailure }))
    }
  }
  const complete = () => {
    completing ??= getMissing().finally(() => {
      completing = undefined
    })
    return completing
  }
  const looking: Repetition = repeatedly(LOOK_EVERY_MS, complete, (error) =>
    logger.warn({ err: error }, 'no certificate from identity; trying again (IDENTITY_ADDRESS)'),
  )
  return {
    certificateOf: (domain) => kept.get(domain)?.current(),
    complete,
    stop: async () => {
      await looking.stop()
      for (const certificate of kept.values()) certificate.stop()
    },
  }
}
