import type { Lab } from './lab.ts'
import { atMost, measureLoad } from './measure-load.ts'

/** Compilers and caches of a system that has just started would be measured with the first case. */
export async function warmUp(lab: Lab): Promise<void> {
  lab.say('warming up')
  await measureLoad(lab, { ...atMost(6000), mode: 'local' })
  await measureLoad(lab, { ...atMost(4000), mode: 'federated' })
}
