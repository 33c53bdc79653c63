import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { MailxError } from '@mailx/errors/mailx-error'
import { addressesAt, type Deployment, type DeploymentPorts, serviceNames } from './deployment.ts'
import { giveCertificate } from './internal-certificates.ts'
import { prepareDatabase } from './prepare-database.ts'
import type { ProgramOf } from './program-of.ts'
import {
  hasEnded,
  type ProcessName,
  type ProcessPlan,
  type ServiceProcess,
  startProcess,
  stopProcess,
  waitUntilReady,
} from './service-process.ts'

export type RunningDeployment = {
  readonly deployment: Deployment
  /** As they run now. */
  readonly processes: readonly ServiceProcess[]
  /** Resolves when every process says that it is ready, with the domains that identity made; rejects with the reasons after the time. */
  ready(timeoutMs: number): Promise<void>
  stop(): Promise<void>
  /** Starts all processes again after `stop`, and resolves when they are ready. */
  restart(): Promise<void>
  /** Starts one process again that has ended. Does not wait until it is ready. */
  revive(service: ServiceProcess, how?: Revival): ServiceProcess
}

export type Revival = {
  /** On top of what it had before. */
  readonly env?: Readonly<Record<string, string>>
  /** The checkout whose code runs. Left out: that of the deployment. */
  readonly tree?: string
}

export type RunOptions = {
  readonly separate: boolean
  readonly logDir: string
  /** Where separate processes have the certificates by which they know each other. */
  readonly certificateDir: string
  readonly env?: Readonly<Record<string, string>>
  /** The checkout whose code runs. Left out: this one. */
  readonly tree?: string
  /** What `npm run build` made of the code, instead of the code. */
  readonly bundled?: boolean
  /** How the services are run. Left out: from the sources of the checkout. */
  readonly programOf?: ProgramOf
}

const READY_WITHIN_MS = 60_000

/**
 * Starts a deployment as one process (all seven services in it) or as seven, times its instances, in a
 * database that the owner has prepared first. Logs go to `<logDir>/<deployment>-<service>.log`, of
 * further instances to `…-<service>-<n>.log`.
 */
export async function runDeployment(
  deployment: Deployment,
  options: RunOptions,
): Promise<RunningDeployment> {
  mkdirSync(options.logDir, { recursive: true })
  const how = {
    ...(options.tree !== undefined && { tree: options.tree }),
    bundled: options.bundled ?? false,
    ...(options.programOf !== undefined && { programOf: options.programOf }),
  }
  const plans = deployment.listens.flatMap((ports, instance) =>
    processesAt({ ports, instance }, options, deployment).map((part): ProcessPlan => {
      const suffix = instance === 0 ? '' : `-${instance}`
      return {
        name: part.name,
        instance,
        opsPort: part.opsPort,
        logFile: join(options.logDir, `${deployment.name}-${part.name}${suffix}.log`),
        env: { ...deployment.env, ...deployment.envOf(part.name), ...part.env, ...options.env },
        ...how,
      }
    }),
  )
  await prepareDatabase({
    logFile: join(options.logDir, `${deployment.name}-prepare-database.log`),
    env: { ...deployment.env, ...deployment.ownerEnv, ...options.env },
    ...how,
  })
  let processes = plans.map(startProcess)
  const ready = async (timeoutMs: number) => {
    const allOnce = () =>
      Promise.all(processes.map((service) => waitUntilReady(service, timeoutMs)))
    await allOnce()
    // Who was ready before identity had made its domains may be taking keys for them only now.
    await allOnce()
  }
  return {
    deployment,
    get processes() {
      return processes
    },
    ready,
    stop: async () => {
      await Promise.all(processes.map(stopProcess))
    },
    restart: async () => {
      processes = plans.map(startProcess)
      await ready(READY_WITHIN_MS)
    },
    revive({ name, instance }, { env, ...changes } = {}) {
      const index = plans.findIndex((plan) => plan.name === name && plan.instance === instance)
      const plan = plans[index]
      const before = processes[index]
      if (plan === undefined || before === undefined || !hasEnded(before.process)) {
        throw new MailxError(
          'FAILED_PRECONDITION',
          `${name} ${instance} is not a process that ended`,
        )
      }
      const revived = startProcess({ ...plan, ...changes, env: { ...plan.env, ...env } })
      processes = processes.with(index, revived)
      return revived
    },
  }
}

type Part = {
  readonly name: ProcessName
  readonly opsPort: number
  readonly env: Readonly<Record<string, string>>
}

/** The processes of one instance, and where each listens. */
function processesAt(
  { ports, instance }: { readonly ports: DeploymentPorts; readonly instance: number },
  { separate, certificateDir }: RunOptions,
  { certificates }: Deployment,
): Part[] {
  const doors = {
    PEER_LISTEN: at(ports.peer),
    HTTPS_LISTEN: at(ports.https),
    CLIENT_LISTEN: at(ports.client),
  }
  if (!separate) {
    // The services in it listen, too, where those of another one must not. Those of the first one are
    // where the deployment says.
    const inner = instance === 0 ? {} : addressesAt(ports)
    const env = { ...doors, ...inner, OPS_LISTEN: at(ports.ops) }
    return [{ name: 'all-in-one', opsPort: ports.ops, env }]
  }
  return serviceNames.map((name) => {
    const { grpc, ops } = ports.services[name]
    const certificate = giveCertificate(certificates, name, certificateDir)
    const env = { ...doors, ...certificate, GRPC_LISTEN: at(grpc), OPS_LISTEN: at(ops) }
    return { name, opsPort: ops, env }
  })
}

const at = (port: number): string => `127.0.0.1:${port}`
