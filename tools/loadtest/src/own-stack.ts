import type { HomeOptions } from '@mailx/client/find-home'
import { type Stack, startStack } from '@mailx/dev-tool/stack'
import { dnsResolver } from '@mailx/federation/dns-resolver'
import { ownUsage, procWatch, type Watched } from './proc-watch.ts'
import type { Watch } from './processes.ts'

/** A stack that was started for the load, on this machine. */
export type OwnStack = {
  readonly stack: Stack
  readonly domains: readonly string[]
  readonly home: HomeOptions
  readonly watch: Watch
}

const MANY = '2000000000'
/**
 * For services under load: all users come from one address and write at once, and limits that are made
 * for people would be all that is measured.
 */
export const roomyLimits = {
  CALLS_PER_MINUTE_PER_IP: MANY,
  CALLS_PER_MINUTE_PER_SESSION: MANY,
  MESSAGES_PER_MINUTE_PER_SESSION: MANY,
  COPIES_PER_HOUR_PER_ADDRESS: MANY,
  LOOK_UPS_PER_USER: '1000000',
  LOOK_UPS_PER_PEER_USER: '1000000',
  LOOK_UPS_PER_PEER: '100000000',
  DELIVERIES_PER_PEER: '100000000',
}

/** Starts a.test and b.test with Postgres, NATS and Redis. Its folder is emptied first. */
export async function startOwnStack(options: {
  readonly folder: string
  readonly separate?: boolean
  readonly say: (line: string) => void
  readonly env?: Readonly<Record<string, string>>
  /** Services reach Postgres, NATS and Redis by TLS. */
  readonly tls?: boolean
  /** Where its services write CPU profiles when they end. */
  readonly profile?: string
}): Promise<OwnStack> {
  const { folder, say, separate = false, tls = false, profile } = options
  const profiling = profile && { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` }
  const stack = await startStack({
    separate,
    tls,
    say,
    folder,
    tracing: false,
    env: { LOG_LEVEL: 'warn', ...roomyLimits, ...profiling, ...options.env },
  })
  return {
    stack,
    domains: ['a.test', 'b.test'],
    home: homeOf(stack.dns.address),
    watch: watchStack(stack),
  }
}

/** The domains of a stack, as its own DNS has them. */
export function homeOf(dns: string): HomeOptions {
  const [host = '', port = ''] = dns.split(':')
  return {
    resolver: dnsResolver([{ host, port: Number(port), trusted: false }]),
    allowPrivate: true,
  }
}

/** All of its processes, and this one, which makes the load. */
function watchStack({ deployments, servers }: Stack): Watch {
  const services = deployments.flatMap((running) =>
    running.processes.map(({ name }, index) => ({
      name: `${running.deployment.name} ${name}`,
      pid: () => running.processes[index]?.process.pid,
    })),
  )
  const backends: Watched[] = Object.entries(servers).map(([name, backend]) => ({
    name,
    pid: () => backend.pid,
    family: name === 'Postgres',
  }))
  const watch = procWatch([...services, ...backends])
  return async () => ({ ...(await watch()), ...ownUsage() })
}
