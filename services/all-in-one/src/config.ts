import { DirectoryConfig } from '@mailx/directory-service/config'
import { GatewayConfig } from '@mailx/gateway-service/config'
import { IdentityConfig } from '@mailx/identity-service/config'
import { InboundFederationConfig } from '@mailx/inbound-federation-service/config'
import { OutboundConfig } from '@mailx/outbound-federation-service/config'
import { StorageConfig } from '@mailx/storage-service/config'
import { TransparencyConfig } from '@mailx/transparency-service/config'
import * as z from 'zod'

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
