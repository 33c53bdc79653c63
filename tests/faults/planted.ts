import type { Fault, Group } from './fault.ts'
import { groups } from './groups.ts'
import { runGroup } from './run-group.ts'
import { patchedTree, patchesIn } from './source-tree.ts'

/** A bug that is put into a copy of the source, and the faults that have to show it. */
export type PlantedBug = {
  /** The patch's, without the ending. */
  readonly name: string
  readonly faults: readonly string[]
  /** What is then wrong with messages. */
  readonly shows: 'lost' | 'duplicated'
}

export const planted: readonly PlantedBug[] = [
  { name: 'acknowledge-before-commit', faults: ['kill Postgres'], shows: 'lost' },
  {
    name: 'dedup-only-in-redis',
    faults: ['b.test hangs after accepting while its Redis is flushed'],
    shows: 'duplicated',
  },
  { name: 'cursor-is-jetstream-sequence', faults: ['streams deleted'], shows: 'lost' },
  { name: 'log-commits-in-memory', faults: ['power loss of the whole stack'], shows: 'lost' },
]

/** The faults that have to show it, on the stack that they need. */
export function groupOf({ name, faults }: PlantedBug): Group {
  const group = groups.find((one) => one.faults.some((fault) => faults.includes(fault.name)))
  if (group === undefined) throw new Error(`there is no fault for ${name}`)
  return group
}

/** What is wrong stays wrong: it need not be waited for as long as for what will come right. */
const PATIENCE_MS = 10_000

/** Runs each and resolves with the names of those that nothing was found of. */
export async function findPlanted(
  bugs: readonly PlantedBug[],
  plan: { readonly seed: number; readonly say: (line: string) => void },
): Promise<readonly string[]> {
  const unfound: string[] = []
  const patches = await patchesIn('planted')
  for (const bug of bugs) {
    const { name, faults, shows } = bug
    const patch = patches.get(name)
    if (patch === undefined) throw new Error(`there is no patch ${name}`)
    const tree = await patchedTree([patch])
    try {
      const chosen = (fault: Fault) => faults.includes(fault.name)
      const { findings } = await runGroup(
        { ...groupOf(bug), name: `planted ${name}` },
        { ...plan, long: false, chosen, tree: tree.path, patienceMs: PATIENCE_MS },
      )
      plan.say(`planted ${name}: ${findings[shows]} ${shows}`)
      if (findings[shows] === 0) unfound.push(name)
    } finally {
      await tree.remove()
    }
  }
  return unfound
}
