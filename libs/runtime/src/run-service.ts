import type { CommonConfig } from '@mailx/config/common'
import { armCrashSwitch } from '@mailx/config/crash-at'
import { followKeys } from '@mailx/config/follow-keys'
import { readConfig } from '@mailx/config/read-config'
import { setAddressHashKey } from '@mailx/telemetry/address-hash'
import { createLogger, type Logger } from '@mailx/telemetry/logger'
import { startTelemetry } from '@mailx/telemetry/register'
import type * as z from 'zod'
import { collectWhatStartingLeft } from './collect-what-starting-left.ts'
import { type OpenConnections, openConnections } from './connections.ts'
import { failProgram } from './fail-program.ts'
import { tellFileTrouble } from './file-trouble.ts'
import { openInternalGrpc } from './internal-grpc.ts'
import { isAway, keepTrying } from './keep-trying.ts'
import { emptyCoreDumps, refuseMemoryDumps } from './memory-dumps.ts'
import { startOpsServer } from './ops-server.ts'
import { pooledRandom } from './pooled-random.ts'
import { cutAfter, dieOfStrays, fired, logWarnings, stopSignal } from './process-signals.ts'
import { mergeReadiness, readinessOf } from './readiness.ts'
import { watchReadiness } from './readiness-watch.ts'
import { type RunningService, type ServiceDeps, startService } from './running-service.ts'

export type ServiceProgram<Config extends CommonConfig> = {
  readonly name: string
  /** CommonConfig and the service's own variables. */
  readonly config: z.ZodObject & z.ZodType<Config>
  /** All services of the deployment are in this process. */
  readonly together?: boolean
  /**
   * Called again when it rejects with UNAVAILABLE or DEADLINE_EXCEEDED (another service is not up yet):
   * it lets go of what it has taken before it rejects.
   */
  readonly start: (deps: ServiceDeps<Config>) => Promise<RunningService>
}

/**
 * The life of a service process:
 * 1. read the configuration; wrong: every problem on stderr, exit 1 (as for MAILX_CRASH_AT in production,
 *    and for a switch of Node that would write out memory there)
 * 2. telemetry, then the ops server: from here on it is alive, and not ready
 * 3. a certificate for internal gRPC and connections, waiting for servers that are away; one that must not be used: exit 1
 * 4. start the service; ready when the service and its connections are
 * 5. SIGTERM or SIGINT: not ready, stop the service, close the connections, exit 0; a second signal
 *    ends it at once; work that outlives SHUTDOWN_GRACE_MS is cut, exit 1
 * An error nobody caught is logged and ends the process with 1: what it left behind is unknown, and
 * everything accepted is in the log.
 */
export async function runService<Config extends CommonConfig>(
  program: ServiceProgram<Config>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  let logger: Logger | undefined
  try {
    const atStart = readConfig(program.config, env) as Config
    const production = atStart.NODE_ENV === 'production'
    const { execArgv } = process
    refuseMemoryDumps({ execArgv, NODE_OPTIONS: env['NODE_OPTIONS'], production })
    armCrashSwitch(env)
    logger = createLogger({ service: program.name, level: atStart.LOG_LEVEL })
    emptyCoreDumps(logger, production)
    const config = followKeys(atStart, env, tellFileTrouble(logger))
    await live(program, config, logger, env)
    process.exit(0)
  } catch (error) {
    failProgram(program.name, error, logger)
  }
}

async function live<Config extends CommonConfig>(
  { name, start, together = false }: ServiceProgram<Config>,
  config: Config,
  logger: Logger,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  dieOfStrays(logger)
  logWarnings(logger)
  const stopping = stopSignal(logger)
  const cut = cutAfter(stopping, config.SHUTDOWN_GRACE_MS + 2_000, logger)
  setAddressHashKey(() => config.BUS_KEY()[0])
  const internal = openInternalGrpc(config, { name, together, logger })
  const telemetry = await startTelemetry(name)
  let open: OpenConnections | undefined
  let service: RunningService | undefined
  let started = false

  const readiness = () => {
    const own = readinessOf([
      { name: 'started', ok: service !== undefined },
      { name: 'not stopping', ok: !stopping.aborted },
      ...internal.checks(),
      ...(open?.health.checks() ?? []),
    ])
    const parts = service === undefined ? [] : [{ readiness: service.ready() }]
    const all = mergeReadiness([{ readiness: own }, ...parts])
    started ||= all.ready
    return all
  }
  const ops = await startOpsServer(config.OPS_LISTEN, { started: () => started, readiness })
  logger.info({ ops: ops.address }, `${name} is starting`)
  const waiting = { logger, signal: stopping }
  try {
    const grpc = await internal.open(waiting)
    open = await openConnections(config, name, waiting, env)
    const deps = {
      ...open.connections,
      config,
      internal: grpc,
      now: Date.now,
      random: pooledRandom,
      logger,
    }
    service = await keepTrying(
      {
        trouble: `${name} cannot start yet, something it needs is away`,
        attempt: () => startService(deps, name, start),
        passes: isAway,
      },
      waiting,
    )
  } catch (error) {
    if (!stopping.aborted) throw error
  }
  const watch = watchReadiness(readiness, logger)
  if (service !== undefined) {
    logger.info({ addresses: { ...service.addresses, ops: ops.address } }, `${name} has started`)
    collectWhatStartingLeft()
  }
  await fired(stopping)

  logger.info(`${name} is stopping`)
  watch.stop()
  await service?.stop()
  await open?.close()
  internal.stop()
  await ops.stop()
  await telemetry.stop()
  cut.clear()
  logger.info(`${name} has stopped`)
}
