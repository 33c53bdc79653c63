import { setTimeout as delay } from 'node:timers/promises'
import { setClock } from './clocks.ts'
import type { Fault } from './fault.ts'
import { type Domain, domains, type Rig } from './rig.ts'

const DAY = 24 * 60 * 60

const clockOf = (rig: Rig, domain: Domain): string => {
  const file = rig.clocks.get(domain)
  if (file === undefined) throw new Error(`the clocks of ${domain} cannot be moved`)
  return file
}

const jump = (to: readonly Domain[], days: number, selected = false): Fault => ({
  name: `clocks of ${to.join(' and ')} jump by ${days > 0 ? '+' : '−'}${Math.abs(days)} day`,
  // There and back. A peer whose clock is off is told to come again in a minute.
  counts: 2 * to.length,
  selected,
  async inject({ rig, random }) {
    for (const domain of to) await setClock(clockOf(rig, domain), days * DAY)
    await delay(random.int(3_000, 5_000))
    for (const domain of to) await setClock(clockOf(rig, domain), 0)
    return { since: performance.now() }
  },
})

const [here, there] = domains

export const clockFaults: readonly Fault[] = [
  jump([here], -1),
  jump([there], 1),
  jump(domains, -1),
  jump(domains, 1, true),
]
