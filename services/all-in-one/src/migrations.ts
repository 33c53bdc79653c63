import { directoryMigrations } from '@mailx/directory-service/service'
import type { Migrations } from '@mailx/event-log/migrate'
import { gatewayMigrations } from '@mailx/gateway-service/service'
import { identityMigrations } from '@mailx/identity-service/service'
import { inboundMigrations } from '@mailx/inbound-federation-service/service'
import { outboundMigrations } from '@mailx/outbound-federation-service/service'
import { storageMigrations } from '@mailx/storage-service/service'
import { transparencyMigrations } from '@mailx/transparency-service/service'

/** Of all services, in the order in which they need each other. */
export const migrations: readonly Migrations[] = [
  identityMigrations,
  transparencyMigrations,
  directoryMigrations,
  storageMigrations,
  outboundMigrations,
  inboundMigrations,
  gatewayMigrations,
]
