import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Revival } from '@mailx/dev-tool/run-deployment'
import {
  hasEnded,
  killProcess,
  type ServiceProcess,
  stopProcess,
  waitUntilReady,
} from '@mailx/dev-tool/service-process'
import type { Occasion } from './fault.ts'
import { type Domain, domains, type Rig } from './rig.ts'

export const READY_WITHIN_MS = 120_000

/** Ends the process and starts it again at once, as whatever supervises it would. Resolves with when it was gone. */
export async function killAndRevive(
  rig: Rig,
  domain: Domain,
  service: ServiceProcess,
  {
    how = 'kill',
    broken,
    ...revival
  }: Revival & { readonly how?: 'kill' | 'stop'; readonly broken?: Occasion['broken'] } = {},
): Promise<number> {
  if (how === 'kill') await killProcess(service)
  else await stopProcess(service)
  const since = performance.now()
  broken?.(since)
  const revived = rig.deployment(domain).revive(service, revival)
  await waitUntilReady(revived, READY_WITHIN_MS)
  return since
}

/** Starts everything that has ended; resolves with what that was, once all is ready. */
export async function reviveTheDead(rig: Rig): Promise<readonly string[]> {
  const dead: string[] = []
  for (const [name, server] of Object.entries(rig.servers)) {
    if (server.pid !== undefined) continue
    dead.push(name)
    await server.restart()
  }
  for (const domain of domains) {
    const deployment = rig.deployment(domain)
    for (const service of deployment.processes) {
      if (!hasEnded(service.process)) continue
      dead.push(`${service.name} of ${domain}`)
      deployment.revive(service)
    }
    await deployment.ready(READY_WITHIN_MS)
  }
  return dead
}

/** Resolves with true when the process has ended, with false after the time. */
export async function endsWithin({ process: child }: ServiceProcess, ms: number): Promise<boolean> {
  if (hasEnded(child)) return true
  const timeout = AbortSignal.timeout(ms)
  try {
    await once(child, 'exit', { signal: timeout })
    return true
  } catch (error) {
    if (timeout.aborted) return false
    throw error
  }
}

/** Stands still, and goes on after the time: no connection is lost, nothing is answered. */
export async function freeze(pids: readonly number[], ms: number): Promise<void> {
  signal(pids, 'SIGSTOP')
  try {
    await delay(ms)
  } finally {
    signal(pids, 'SIGCONT')
  }
}

/** Whoever has ended meanwhile is passed over. */
export function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

export const pidOf = (service: ServiceProcess): number => {
  const { pid } = service.process
  if (pid === undefined) throw new Error(`${service.name} did not start`)
  return pid
}

/** All services and servers stand still until they are killed. */
export function freezeAll(rig: Rig, postgres: readonly number[]): void {
  const { nats, redis } = rig.servers
  const services = domains.flatMap((domain) => rig.deployment(domain).processes.map(pidOf))
  const servers = [...postgres, nats.pid, redis.pid].filter((pid) => pid !== undefined)
  signal([...services, ...servers], 'SIGSTOP')
}
