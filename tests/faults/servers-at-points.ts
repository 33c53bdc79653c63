import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { CrashPoint } from '@mailx/config/crash-at'
import type { ServiceName } from '@mailx/dev-tool/deployment'
import { hasEnded, killProcess, type ServiceProcess } from '@mailx/dev-tool/service-process'
import { crashSites } from './crash-sites.ts'
import type { Fault } from './fault.ts'
import { pidOf, signal } from './processes.ts'
import { type Domain, domains, processOf, type Rig } from './rig.ts'

type Server = keyof Rig['servers']

type Moment = {
  readonly server: Server
  readonly point: CrashPoint
  readonly name: ServiceName
}

const moments: readonly Moment[] = [
  { server: 'postgres', point: 'log.before-send', name: 'gateway' },
  { server: 'postgres', point: 'log.before-commit', name: 'inbound-federation' },
  { server: 'postgres', point: 'log.after-commit', name: 'gateway' },
  { server: 'postgres', point: 'projection.before-commit', name: 'storage' },
  { server: 'postgres', point: 'projection.before-commit', name: 'outbound-federation' },
  { server: 'postgres', point: 'outbound.after-answer', name: 'outbound-federation' },
  { server: 'nats', point: 'relay.before-publish', name: 'gateway' },
  { server: 'nats', point: 'relay.after-publish', name: 'inbound-federation' },
  { server: 'nats', point: 'storage.before-announce', name: 'storage' },
  { server: 'nats', point: 'gateway.before-push', name: 'gateway' },
  { server: 'redis', point: 'gateway.before-append', name: 'gateway' },
  { server: 'redis', point: 'inbound.before-append', name: 'inbound-federation' },
]

const called: Readonly<Record<Server, string>> = {
  postgres: 'Postgres',
  nats: 'NATS',
  redis: 'Redis',
}

/** A server is killed while a service stands still at a step of a message, and does not know yet. */
export const killsAtPoints: readonly Fault[] = moments.map(({ server, point, name }, index) => {
  const domain = domains[index % domains.length] as Domain
  return {
    name: `kill ${called[server]} while ${name} of ${domain} is at ${point}`,
    rounds: 2,
    selected: point === 'projection.before-commit' && name === 'storage',
    ...(server === 'postgres' && { recovery: 'postgres' as const }),
    async inject({ rig, random }) {
      await killProcess(processOf(rig, domain, name))
      const env = { MAILX_CRASH_AT: `${point}:${random.int(1, crashSites[point].times)}:stop` }
      const armed = rig.deployment(domain).revive(processOf(rig, domain, name), { env })
      await standsStill(armed, point)
      await rig.servers[server].kill()
      const since = performance.now()
      signal([pidOf(armed)], 'SIGCONT')
      await delay(random.int(0, 1_000))
      await rig.servers[server].restart()
      return { since }
    },
  }
})

const REACHED_WITHIN_MS = 120_000
const run = promisify(execFile)

async function standsStill(service: ServiceProcess, point: CrashPoint): Promise<void> {
  const deadline = performance.now() + REACHED_WITHIN_MS
  while (performance.now() < deadline) {
    if (hasEnded(service.process)) {
      throw new Error(`${service.name} ended before it came by ${point}: ${service.logFile}`)
    }
    const { stdout } = await run('ps', ['-o', 'state=', '-p', `${pidOf(service)}`])
    if (stdout.trim().startsWith('T')) return
    await delay(20)
  }
  await killProcess(service)
  throw new Error(`${service.name} did not come by ${point}`)
}
