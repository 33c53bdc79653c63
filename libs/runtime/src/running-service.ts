import type { InternalGrpc } from '@mailx/grpc/internal-grpc'
import { createLogger, type Logger } from '@mailx/telemetry/logger'
import { insideService } from '@mailx/telemetry/tracer'
import type { Connections } from './connections.ts'
import { mergeReadiness, type Readiness } from './readiness.ts'

/** What `startX` of every service returns. */
export type RunningService = {
  readonly name: string
  /** What it listens on, by purpose: `{ grpc: '127.0.0.1:7001' }`. */
  readonly addresses: Readonly<Record<string, string>>
  readonly ready: () => Readiness
  /** Stops accepting, finishes what is under way, and lets go of everything but the connections. */
  readonly stop: () => Promise<void>
}

/** What `startX` of every service is given. */
export type ServiceDeps<Config> = Connections & {
  readonly config: Config
  /** How it speaks with the other services of the deployment. */
  readonly internal: InternalGrpc
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
  readonly logger: Logger
}

/** Several services as one: ready when all are, stopped in reverse order of their start. */
export function mergeServices(name: string, services: readonly RunningService[]): RunningService {
  return {
    name,
    addresses: Object.fromEntries(
      services.flatMap((service) =>
        Object.entries(service.addresses).map(([purpose, address]) => [
          `${service.name} ${purpose}`,
          address,
        ]),
      ),
    ),
    ready: () =>
      mergeReadiness(
        services.map((service) => ({ prefix: service.name, readiness: service.ready() })),
      ),
    stop: async () => {
      const failures: unknown[] = []
      for (const service of services.toReversed()) {
        await service.stop().catch((error: unknown) => failures.push(error))
      }
      if (failures.length > 0) throw new AggregateError(failures, `${name} did not stop cleanly`)
    },
  }
}

/**
 * Starts one of the services of a process. Its log lines and the spans it makes, also later and in the
 * background, carry its own name.
 */
export const startService = <Config extends { readonly LOG_LEVEL: string }>(
  deps: ServiceDeps<Config>,
  name: string,
  start: (deps: ServiceDeps<Config>) => Promise<RunningService>,
): Promise<RunningService> =>
  insideService(name, () => {
    const logger = createLogger({ service: name, level: deps.config.LOG_LEVEL })
    return start({ ...deps, logger })
  })
