import { startDirectory } from '@mailx/directory-service/service'
import { startGateway } from '@mailx/gateway-service/service'
import { startIdentity } from '@mailx/identity-service/service'
import { startInboundFederation } from '@mailx/inbound-federation-service/service'
import { startOutboundFederation } from '@mailx/outbound-federation-service/service'
import {
  mergeServices,
  type RunningService,
  type ServiceDeps,
  startService,
} from '@mailx/runtime/running-service'
import { startStorage } from '@mailx/storage-service/service'
import { startTransparency } from '@mailx/transparency-service/service'
import type { AllInOneConfig } from './config.ts'

/**
 * The seven services in this process, over one set of connections. They start in the order in which
 * they need each other and still speak gRPC among themselves, as they would apart.
 */
export async function startAllInOne(process: ServiceDeps<AllInOneConfig>): Promise<RunningService> {
  const deps = { ...process, config: { ...process.config, GRPC_LISTEN: undefined } }
  const starts: readonly (() => Promise<RunningService>)[] = [
    () => startService(deps, 'identity', startIdentity),
    () => startService(deps, 'transparency', startTransparency),
    () => startService(deps, 'directory', startDirectory),
    () => startService(deps, 'storage', startStorage),
    () => startService(deps, 'outbound-federation', startOutboundFederation),
    () => startService(deps, 'inbound-federation', startInboundFederation),
    () => startService(deps, 'gateway', startGateway),
  ]
  const services: RunningService[] = []
  try {
    for (const start of starts) services.push(await start())
  } catch (error) {
    await mergeServices('all-in-one', services).stop()
    throw error
  }
  return mergeServices('all-in-one', services)
}
