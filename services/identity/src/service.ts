import { MailxError } from '@mailx/errors/mailx-error'
import { type Migrations, migrate } from '@mailx/event-log/migrate'
import type { Sql } from '@mailx/event-log/sql'
import { withSqlErrors } from '@mailx/event-log/sql-errors'
import { createVaultTable, openKeyVault } from '@mailx/federation/key-vault'
import { logTrouble } from '@mailx/messaging/log-trouble'
import { repeatedly } from '@mailx/messaging/repeatedly'
import { runProjections } from '@mailx/processors/run-projections'
import { IdentityServiceService } from '@mailx/proto/identity/v1/identity_service'
import { readinessOf } from '@mailx/runtime/readiness'
import type { RunningService, ServiceDeps } from '@mailx/runtime/running-service'
import { callers } from './callers.ts'
import type { IdentityConfig } from './config.ts'
import { documentSettings } from './document-settings.ts'
import { createDomain as makeDomain } from './domain-key/create-domain.ts'
import type { DomainKeyDeps } from './domain-key/domain-keys.ts'
import { attestations } from './projections/attestations.ts'
import { domains } from './projections/domains.ts'
import { keepDomains } from './reactors/keep-domains.ts'
import { renewAttestations } from './reactors/renew-attestations.ts'
import { certifyOperationalKey } from './rpc/certify-operational-key.ts'
import { createDomain } from './rpc/create-domain.ts'
import { getDomainDocument } from './rpc/get-domain-document.ts'
import { issueCertificate } from './rpc/issue-certificate.ts'
import { issueChallenge } from './rpc/issue-challenge.ts'
import { listDomains } from './rpc/list-domains.ts'
import { forgetOldNonces, openSession } from './rpc/open-session.ts'
import { publishDeviceList } from './rpc/publish-device-list.ts'
import { registerUser } from './rpc/register-user.ts'

const SERVICE = 'identity'
const KEEP_EVERY_MS = 10 * 60 * 1000

/** The tables of the service. */
export const identityMigrations: Migrations = {
  schema: SERVICE,
  dir: new URL('../migrations/', import.meta.url),
}

/** Starts identity: hosted domains have their keys and documents when this resolves. */
export async function startIdentity(deps: ServiceDeps<IdentityConfig>): Promise<RunningService> {
  const { config, internal, log, logger, nats, now, pool, random } = deps
  await migrate(pool, identityMigrations, (what) => logger.warn(what))
  await createVaultTable(pool, SERVICE)
  const sql = withSqlErrors(pool)
  const vault = openKeyVault({ sql, schema: SERVICE, kek: config.KEY_ENCRYPTION_KEY, random })
  await vault.check()

  const projections = await runProjections({
    pool,
    log,
    nats,
    busKeys: config.BUS_KEY,
    schema: SERVICE,
    service: SERVICE,
    projections: [domains, attestations],
    onTrouble: logTrouble(logger, 'a projection is held up'),
  })
  const keys: DomainKeyDeps = { log, vault, settingsOf: documentSettings(config), now, random }
  try {
    await projections.caughtUp()
    await checkVaultIsComplete(sql)
    for (const domain of config.HOSTED_DOMAINS) await makeDomain(keys, domain)
  } catch (error) {
    await projections.stop()
    throw error
  }

  const onFailure = (error: unknown, domain: string) =>
    logger.error({ err: error, domain }, 'keys or documents could not be renewed; trying again')
  const keeping = repeatedly(
    KEEP_EVERY_MS,
    async () => {
      await keepDomains({ ...keys, sql, onFailure })
      await renewAttestations({ ...keys, sql, onFailure })
      await forgetOldNonces(sql, now())
    },
    (error) => logger.error({ err: error }, 'a round of renewals failed; trying again'),
  )

  const sessions = {
    log,
    sql,
    sessionKeys: config.SESSION_KEY,
    sessionTtlMs: config.SESSION_TTL_MS,
    now,
    random,
  }
  const grpc = await internal.serve({
    listen: config.GRPC_LISTEN ?? config.IDENTITY_ADDRESS,
    services: [
      {
        definition: IdentityServiceService,
        callers,
        implementation: {
          createDomain: createDomain({ ...keys, untilListed: () => projections.caughtUp() }),
          listDomains: listDomains({ ...keys, sql }),
          certifyOperationalKey: certifyOperationalKey(keys),
          issueCertificate: issueCertificate(keys),
          getDomainDocument: getDomainDocument(keys),
          registerUser: registerUser(keys),
          publishDeviceList: publishDeviceList(keys),
          issueChallenge: issueChallenge(sessions),
          openSession: openSession(sessions),
        },
      },
    ],
    telemetry: { service: SERVICE, logger },
  })
  grpc.setReady(true)

  return {
    name: SERVICE,
    addresses: { grpc: grpc.address },
    ready: () => {
      const { ready, reason } = projections.ready()
      return readinessOf([{ name: 'projections', ok: ready, ...(reason && { detail: reason }) }])
    },
    stop: async () => {
      await grpc.stop({ graceMs: config.SHUTDOWN_GRACE_MS })
      await keeping.stop()
      await projections.stop()
    },
  }
}

/** Throws UNSAFE_CONFIGURATION when the log hosts domains whose keys this database does not have. */
async function checkVaultIsComplete(sql: Sql): Promise<void> {
  const { rows } = await sql.query<{ domain: string }>(
    `select d.domain from identity.domains d where not exists (
       select from identity.vault v where v.domain = d.domain and v.public_key = d.public_key)`,
  )
  if (rows.length === 0) return
  throw new MailxError(
    'UNSAFE_CONFIGURATION',
    `identity.vault lacks the domain key of ${rows.map(({ domain }) => domain).join(', ')}: restore the vault that belongs to this log`,
  )
}
