import type { Lab } from './lab.ts'
import { atMost, measureLoad } from './measure-load.ts'

/**
 * Compilers and caches of a system that has just started would be measured with the first case. What only
 * some messages need, as traces that are kept, is compiled last.
 */
export async function warmUp(lab: Lab): Promise<void> {
  lab.say('warming up')
  await measureLoad(lab, { ...atMost(20_000), mode: 'local' })
  await measureLoad(lab, { ...atMost(12_000), mode: 'federated' })
}
