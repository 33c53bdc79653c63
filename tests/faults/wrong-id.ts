import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from './fault.ts'
import { killAndRevive } from './processes.ts'
import { domains, processOf } from './rig.ts'
import { patchedTree, patchesIn } from './source-tree.ts'

const [, there] = domains

/**
 * A peer that takes mail and answers with the number of another batch. What it says is signed and goes
 * over TLS, so nobody between could: it is a peer with other code.
 */
export const strangeAnswers: Fault = {
  name: `${there} answers with the wrong id`,
  success: [{ kind: 'notified', domain: there, from: 'elsewhere' }],
  async inject({ rig, random }) {
    const patch = (await patchesIn('strange')).get('wrong-id')
    if (patch === undefined) throw new Error('the patch for the wrong id is missing')
    const tree = await patchedTree([patch])
    try {
      const peer = () => processOf(rig, there, 'inbound-federation')
      await killAndRevive(rig, there, peer(), { tree: tree.path })
      await delay(random.int(3_000, 6_000))
      return { since: await killAndRevive(rig, there, peer()) }
    } finally {
      await tree.remove()
    }
  },
}
