import { setTimeout as delay } from 'node:timers/promises'
import { clocksAre, setClock } from './clocks.ts'
import type { Fault } from './fault.ts'
import { type Domain, domains, type Rig } from './rig.ts'

const DAY = 24 * 60 * 60
const THERE_AND_BACK = 2

const clockOf = (rig: Rig, domain: Domain): string => {
  const file = rig.clocks.get(domain)
  if (file === undefined) throw new Error(`the clocks of ${domain} cannot be moved`)
  return file
}

/** Moves the clocks of the domains, and waits until their processes go by them. */
async function move(rig: Rig, to: readonly Domain[], days: number): Promise<void> {
  for (const domain of to) await setClock(clockOf(rig, domain), days * DAY)
  const processes = to.flatMap((domain) => rig.deployment(domain).processes)
  const ports = processes.map(({ opsPort }) => opsPort)
  await clocksAre(ports, days * DAY)
}

const jump = (to: readonly Domain[], days: number, selected = false): Fault => ({
  name: `clocks of ${to.join(' and ')} jump by ${days > 0 ? '+' : '−'}${Math.abs(days)} day`,
  mayRefuse: true,
  selected,
  async inject({ rig, random }) {
    await move(rig, to, days)
    await delay(random.int(3_000, 5_000))
    // A peer whose clock is off is told to come again in a minute.
    await move(rig, to, 0)
    return { since: performance.now(), counts: THERE_AND_BACK }
  },
})

const [here, there] = domains

export const clockFaults: readonly Fault[] = [
  jump([here], -1),
  jump([there], 1),
  jump(domains, -1),
  jump(domains, 1, true),
]
