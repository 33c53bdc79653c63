import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { CrashPoint } from '@mailx/config/crash-at'
import type { ServiceName } from '@mailx/dev-tool/deployment'
import { hasEnded, type ServiceProcess } from '@mailx/dev-tool/service-process'
import { bringToPoint, REACHED_WITHIN_MS } from './bring-to-point.ts'
import { crashSites } from './crash-sites.ts'
import type { Fault } from './fault.ts'
import { pidOf, signal } from './processes.ts'
import { type Domain, domains, type Rig } from './rig.ts'

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
      const mode = `${random.int(1, crashSites[point].times)}:stop`
      const armed = await bringToPoint(rig, { domain, name }, point, mode, standsStill)
      await rig.servers[server].kill()
      const since = performance.now()
      signal([pidOf(armed)], 'SIGCONT')
      await delay(random.int(0, 1_000))
      await rig.servers[server].restart()
      return { since }
    },
  }
})

const run = promisify(execFile)

async function standsStill(service: ServiceProcess): Promise<boolean> {
  const deadline = performance.now() + REACHED_WITHIN_MS
  while (performance.now() < deadline) {
    if (hasEnded(service.process)) {
      throw new Error(`${service.name} ended before it stood still: ${service.logFile}`)
    }
    const { stdout } = await run('ps', ['-o', 'state=', '-p', `${pidOf(service)}`])
    if (stdout.trim().startsWith('T')) return true
    await delay(20)
  }
  return false
}
