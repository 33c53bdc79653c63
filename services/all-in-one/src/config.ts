import { variables } from '@mailx/config/common'
import { noted } from '@mailx/config/variable'
import { DirectoryConfig } from '@mailx/directory-service/config'
import { GatewayConfig } from '@mailx/gateway-service/config'
import { IdentityConfig } from '@mailx/identity-service/config'
import { InboundFederationConfig } from '@mailx/inbound-federation-service/config'
import { OutboundConfig } from '@mailx/outbound-federation-service/config'
import { StorageConfig } from '@mailx/storage-service/config'
import { TransparencyConfig } from '@mailx/transparency-service/config'
import * as z from 'zod'

/** What preparing a database needs to know. */
export const PreparationConfig = z.object({
  /** The owner's way into the database, for migrations and roles alone; work is done by DATABASE_URL. */
  MIGRATION_DATABASE_URL: noted(
    z.url({ protocol: /^postgres(ql)?$/, error: 'is not a postgres:// URL' }),
    { write: 'postgres://owner:password@host:5432/database', secret: true },
  ),
  DATABASE_CA_FILE: variables.DATABASE_CA_FILE,
  DATABASE_CERT_FILE: variables.DATABASE_CERT_FILE,
  DATABASE_KEY_FILE: variables.DATABASE_KEY_FILE,
  /** A folder with one file per role (gateway, …, all-in-one, operator) that holds its password. */
  ROLE_PASSWORDS_DIR: noted(z.string(), { write: '/run/secrets/postgres-roles' }).optional(),
  /** Roles are called <prefix>_gateway and so on; the name of the database when not set. */
  ROLE_PREFIX: noted(z.string().regex(/^[a-z][a-z0-9_]*$/, 'is not a short name'), {
    write: 'mailx',
  }).optional(),
  LOG_PARTITIONS: variables.LOG_PARTITIONS,
  LOG_LEVEL: variables.LOG_LEVEL,
})

export type PreparationConfig = z.infer<typeof PreparationConfig>

/** What waiting for the prepared database needs to know. */
export const WaitConfig = z.object({
  DATABASE_URL: variables.DATABASE_URL,
  DATABASE_PASSWORD: variables.DATABASE_PASSWORD,
  DATABASE_CA_FILE: variables.DATABASE_CA_FILE,
  DATABASE_CERT_FILE: variables.DATABASE_CERT_FILE,
  DATABASE_KEY_FILE: variables.DATABASE_KEY_FILE,
  LOG_LEVEL: variables.LOG_LEVEL,
})

export type WaitConfig = z.infer<typeof WaitConfig>

/**
 * The variables of all services. Each internal server listens on its own *_ADDRESS, on loopback;
 * GRPC_LISTEN, which could name one of them only, and the GRPC_*_FILE of mutual TLS are not read.
 */
export const AllInOneConfig = z.object({
  ...IdentityConfig.shape,
  ...TransparencyConfig.shape,
  ...DirectoryConfig.shape,
  ...StorageConfig.shape,
  ...OutboundConfig.shape,
  ...InboundFederationConfig.shape,
  ...GatewayConfig.shape,
})

export type AllInOneConfig = z.infer<typeof AllInOneConfig>
