import { serviceNames } from '@mailx/dev-tool/deployment'
import type { Fault } from './fault.ts'
import { killAndRevive } from './processes.ts'
import { domains, processOf } from './rig.ts'
import { successOf } from './services-killed.ts'

const INSTANCES = [0, 1]

/** The other one takes over, and what both have done counts once. */
const oneOfTwo: readonly Fault[] = domains.flatMap((domain) =>
  serviceNames.map((name) => ({
    name: `kill one of two ${name} of ${domain}`,
    selected: name === 'storage' && domain === domains[0],
    recovery: 'instance' as const,
    success: successOf(domain, name),
    async inject({ rig, random, broken }) {
      const service = processOf(rig, domain, name, random.int(0, 1))
      return { since: await killAndRevive(rig, domain, service, { broken }) }
    },
  })),
)

const rolling: Fault = {
  name: 'rolling restart of all services',
  async inject({ rig }) {
    for (const instance of INSTANCES) {
      for (const name of serviceNames) {
        // Both domains at once: neither waits for the other when it is brought up to date.
        await Promise.all(
          domains.map((domain) =>
            killAndRevive(rig, domain, processOf(rig, domain, name, instance), { how: 'stop' }),
          ),
        )
      }
    }
    return { since: performance.now(), counts: INSTANCES.length * serviceNames.length }
  },
}

export const twoOfEachFaults: readonly Fault[] = [...oneOfTwo, rolling]
