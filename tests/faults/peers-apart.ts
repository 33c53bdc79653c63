import { setTimeout as delay } from 'node:timers/promises'
import type { ProxyMode, TcpProxy } from '@mailx/testing/tcp-proxy'
import type { Trouble } from './doors.ts'
import type { Fault, Success } from './fault.ts'
import { flushRedis } from './flush-redis.ts'
import { type Domain, domains, doorsOf, otherThan, type Rig } from './rig.ts'

/** Mail for the domain from the other one. */
const comesTo = (domain: Domain): readonly Success[] => [
  { kind: 'notified', domain, from: 'elsewhere' },
]

const [here, there] = domains
const crossing = domains.flatMap(comesTo)

const waysTo = (rig: Rig, domain: Domain): readonly TcpProxy[] => {
  const { peer, https } = doorsOf(rig, domain)
  return [peer, https]
}

/** Nothing gets through to the domain; what is on its way is kept (`hold`) or lost. */
function setWayTo(rig: Rig, domain: Domain, mode: ProxyMode): void {
  for (const door of waysTo(rig, domain)) {
    door.set(mode)
    // A network that has lost bytes has lost the connection.
    if (mode === 'forward') door.cut()
  }
}

const hindered = (doors: readonly TcpProxy[]): number =>
  doors.reduce((sum, door) => sum + door.hindered, 0)

/** Rejects when nobody met with what was done meanwhile to the doors: then nothing was broken. */
async function meeting(doors: readonly TcpProxy[], work: () => Promise<void>): Promise<void> {
  const before = hindered(doors)
  await work()
  if (hindered(doors) === before) throw new Error('nobody came by while it was broken')
}

const partition = (name: string, to: readonly Domain[], mode: ProxyMode): Fault => ({
  name,
  success: crossing,
  async inject({ rig, random }) {
    const time = random.int(3_000, 6_000)
    const apart = to.map((domain) =>
      meeting(waysTo(rig, domain), async () => {
        setWayTo(rig, domain, mode)
        await delay(time)
        setWayTo(rig, domain, 'forward')
      }),
    )
    await Promise.all(apart)
    return { since: performance.now() }
  },
})

const FLAPS = 5

const flapping: Fault = {
  name: 'partition that flaps',
  success: crossing,
  async inject({ rig, random }) {
    const doors = domains.flatMap((domain) => waysTo(rig, domain))
    for (let flap = 0; flap < FLAPS; flap++) {
      await meeting(doors, async () => {
        for (const domain of domains) setWayTo(rig, domain, 'discard')
        await delay(random.int(200, 1_000))
        for (const domain of domains) setWayTo(rig, domain, 'forward')
      })
      await delay(random.int(200, 1_000))
    }
    return { since: performance.now(), counts: FLAPS }
  },
}

/** Longer than a domain waits for its peer's answer here. */
const HANGS_MS = 7_000

const hangs = (domain: Domain): Fault => ({
  name: `${domain} hangs after accepting`,
  selected: domain === there,
  success: comesTo(domain),
  async inject({ rig }) {
    const { peer } = doorsOf(rig, domain)
    await meeting([peer], async () => {
      peer.set('discard', 'from-target')
      await delay(HANGS_MS)
      peer.set('forward')
      peer.cut()
    })
    return { since: performance.now() }
  },
})

/** Whether a delivery was received before is known to the log, whatever a cache has forgotten. */
const forgets: Fault = {
  name: `${there} hangs after accepting while its Redis is flushed`,
  success: comesTo(there),
  async inject({ rig }) {
    const { peer } = doorsOf(rig, there)
    await meeting([peer], async () => {
      peer.set('discard', 'from-target')
      await delay(HANGS_MS / 2)
      await flushRedis(rig.servers.redis.url)
      await delay(HANGS_MS / 2)
      peer.set('forward')
      peer.cut()
    })
    await flushRedis(rig.servers.redis.url)
    return { since: performance.now() }
  },
}

const TIMES = 3
const MET_WITHIN_MS = 30_000

/** Its next answers meet with the trouble, one after the other. */
const answers = (domain: Domain, trouble: Trouble, name: string, selected = false): Fault => ({
  name: `${domain} ${name}`,
  selected,
  success: comesTo(domain),
  async inject({ rig }) {
    const { peer } = doorsOf(rig, domain)
    const before = peer.troubled()
    peer.make(trouble, TIMES)
    const deadline = performance.now() + MET_WITHIN_MS
    while (peer.troubled() < before + TIMES) {
      if (performance.now() > deadline) throw new Error(`${domain} gave no answers to change`)
      await delay(20)
    }
    return { since: performance.now(), counts: TIMES }
  },
})

/** What is asked for over a slow line comes late, and is not asked for twice. */
const slow: Fault = {
  name: 'slow line between the domains',
  success: crossing,
  async inject({ rig, random }) {
    const peers = domains.map((domain) => doorsOf(rig, domain).peer)
    await meeting(peers, async () => {
      for (const peer of peers) peer.setDelay(300)
      await delay(random.int(3_000, 5_000))
      for (const peer of peers) peer.setDelay(0)
    })
    return { since: performance.now() }
  },
}

const CUTS = 2

/** A client does not hear that its message was accepted, and hands it over again. */
const clientCut: Fault = {
  name: 'connections of clients reset',
  success: domains.map((domain) => ({ kind: 'accepted', domain })),
  async inject({ rig, random }) {
    const doors = domains.map((domain) => doorsOf(rig, domain).client)
    for (let time = 0; time < CUTS; time++) {
      await meeting(doors, async () => doors.forEach((door) => door.cut()))
      await delay(random.int(200, 1_500))
    }
    return { since: performance.now(), counts: CUTS }
  },
}

export const peerFaults: readonly Fault[] = [
  partition('partition', domains, 'discard'),
  partition('partition that refuses', domains, 'refuse'),
  { ...partition(`one-way partition, to ${there}`, [there], 'hold'), selected: true },
  partition(`one-way partition, to ${otherThan(there)}`, [here], 'discard'),
  flapping,
  hangs(here),
  hangs(there),
  forgets,
  ...domains.flatMap((domain) => [
    answers(domain, 'reset before the reply', 'resets before the reply', domain === here),
    answers(domain, 'garbage', 'answers garbage', domain === there),
  ]),
  slow,
  clientCut,
]
