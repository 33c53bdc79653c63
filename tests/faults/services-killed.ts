import { type CrashPoint, crashPoints } from '@mailx/config/crash-at'
import { type ServiceName, serviceNames } from '@mailx/dev-tool/deployment'
import { killProcess, type ServiceProcess, waitUntilReady } from '@mailx/dev-tool/service-process'
import { bringToPoint, REACHED_WITHIN_MS } from './bring-to-point.ts'
import { crashSites } from './crash-sites.ts'
import type { Fault, Success } from './fault.ts'
import { endsWithin, freeze, killAndRevive, pidOf, READY_WITHIN_MS } from './processes.ts'
import { type Domain, domains, otherThan, processOf, type Rig } from './rig.ts'

/** What of a service's work shows that it is back. */
export function successOf(domain: Domain, name: ServiceName): readonly Success[] {
  switch (name) {
    case 'storage':
      return [{ kind: 'notified', domain, from: 'here' }]
    case 'inbound-federation':
      return [{ kind: 'notified', domain, from: 'elsewhere' }]
    case 'outbound-federation':
      return [{ kind: 'notified', domain: otherThan(domain), from: 'elsewhere' }]
    case 'gateway':
      return [{ kind: 'accepted', domain }]
    case 'identity':
      return [{ kind: 'registered', domain }]
    case 'directory':
      return [{ kind: 'looked up', domain }]
    case 'transparency':
      return [{ kind: 'proved', domain }]
  }
}

const each = domains.flatMap((domain) => serviceNames.map((name) => ({ domain, name })))

export const kills: readonly Fault[] = each.map(({ domain, name }) => ({
  name: `kill ${name} of ${domain}`,
  rounds: 3,
  selected: domain === domains[1] && name === 'gateway',
  recovery: 'service',
  success: successOf(domain, name),
  async inject({ rig, broken }) {
    return { since: await killAndRevive(rig, domain, processOf(rig, domain, name), { broken }) }
  },
}))

const points = Object.keys(crashPoints) as CrashPoint[]
const places = points.flatMap((point) =>
  crashSites[point].services.flatMap((name) => domains.map((domain) => ({ point, name, domain }))),
)

/** Part of `npm test`, at one of the domains. */
const selectedPoints: Readonly<Partial<Record<CrashPoint, Domain>>> = {
  'gateway.after-commit': 'a.test',
  'outbound.after-answer': 'a.test',
  'outbound.after-bounce': 'b.test',
  'inbound.after-commit': 'b.test',
}

/** Every step of a message between submission and push, in every service that takes it, in both domains. */
export const crashes: readonly Fault[] = places.map(({ point, name, domain }) => ({
  name: `crash ${point} in ${name} of ${domain}`,
  recovery: 'service',
  success: successOf(domain, name),
  selected: selectedPoints[point] === domain && crashSites[point].services[0] === name,
  async inject({ rig, random, broken }) {
    const { provocation, times } = crashSites[point]
    const mode = `${random.int(1, times)}`
    const armed = await bringToPoint(rig, { domain, name }, point, mode, (service) =>
      hasDied(service, (isOver) => provocation?.(rig, domain, isOver)),
    )
    const since = performance.now()
    broken(since)
    const revived = rig.deployment(domain).revive(armed)
    await waitUntilReady(revived, READY_WITHIN_MS)
    return { since }
  },
}))

/** Whether the armed process has died by its switch in the time. Rejects when it ended in another way. */
async function hasDied(
  armed: ServiceProcess,
  provoke: (isOver: () => boolean) => Promise<void> | undefined,
): Promise<boolean> {
  let over = false
  const dying = endsWithin(armed, REACHED_WITHIN_MS).finally(() => {
    over = true
  })
  const [died] = await Promise.all([dying, provoke(() => over)])
  if (died && armed.process.signalCode !== 'SIGKILL') {
    throw new Error(`${armed.name} ended before it was to die: ${armed.logFile}`)
  }
  return died
}

const STILL_MS = { long: 30_000, short: 4_000 }

type Site = { readonly domain: Domain; readonly name: ServiceName }

const [here, there] = domains

/** Services that do not wait for each other stand still together, so that it does not take all day. */
const still: readonly (readonly Site[])[] = [
  [
    { domain: here, name: 'storage' },
    { domain: there, name: 'outbound-federation' },
  ],
  [
    { domain: there, name: 'storage' },
    { domain: here, name: 'outbound-federation' },
  ],
  [
    { domain: here, name: 'gateway' },
    { domain: there, name: 'inbound-federation' },
  ],
  [
    { domain: there, name: 'gateway' },
    { domain: here, name: 'inbound-federation' },
  ],
  each.filter(({ name }) => ['identity', 'transparency', 'directory'].includes(name)),
]

export const freezes: readonly Fault[] = still.map((sites, index) => ({
  name: `SIGSTOP ${sites.map(({ domain, name }) => `${name} of ${domain}`).join(', ')}`,
  selected: index === 0,
  async inject({ rig, long }) {
    const pids = sites.map(({ domain, name }) => pidOf(processOf(rig, domain, name)))
    await freeze(pids, long ? STILL_MS.long : STILL_MS.short)
    return { since: performance.now() }
  },
}))

export const everything: Fault = {
  name: 'kill everything',
  rounds: 2,
  selected: true,
  recovery: 'everything',
  inject: async ({ rig }) => ({ since: await killEverything(rig) }),
}

/** All services and all servers, at once; and all of them again. Resolves with when all were gone. */
export async function killEverything(
  rig: Rig,
  meanwhile: () => Promise<void> = async () => {},
): Promise<number> {
  const servers = Object.values(rig.servers)
  const services = domains.flatMap((domain) =>
    rig.deployment(domain).processes.map((service) => ({ domain, service })),
  )
  await Promise.all([
    ...services.map(({ service }) => killProcess(service)),
    ...servers.map((server) => server.kill()),
  ])
  await meanwhile()
  const since = performance.now()
  await Promise.all(servers.map((server) => server.restart()))
  const revived = services.map(({ domain, service }) => rig.deployment(domain).revive(service))
  await Promise.all(revived.map((service) => waitUntilReady(service, READY_WITHIN_MS)))
  return since
}
