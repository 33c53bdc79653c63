import { obstacleToClocks } from './clocks.ts'
import { obstacleToDisks } from './disks.ts'
import type { Fault, Group } from './fault.ts'
import { groups } from './groups.ts'

/** What `npm test` runs of all faults: each kind once or so, always in the same order. */
export const SELECTION_SEED = 20

const selected = (name: string): readonly Fault[] =>
  groups.filter((group) => group.name === name).flatMap(({ faults }) => faults.filter(isSelected))

const isSelected = (fault: Fault): boolean => fault.selected === true

/** On few stacks, as each takes its time to start. What cannot be broken here is left out. */
export function selection(): readonly Group[] {
  const disks = obstacleToDisks() === undefined
  const clocks = obstacleToClocks() === undefined
  const plain = { instances: 1, disks: false, clocks: false } as const
  return [
    {
      name: 'selection of services and servers',
      about: 'services killed and standing still; Postgres and NATS broken',
      rig: { ...plain, separate: true },
      perSecond: 30,
      faults: [...selected('services'), ...selected('log and bus')],
    },
    {
      name: 'selection of surroundings',
      about: 'Redis, peers, disks and clocks broken',
      rig: { ...plain, separate: false, disks, clocks },
      perSecond: 50,
      faults: [
        ...selected('caches and peers'),
        ...(disks ? selected('disks') : []),
        ...(clocks ? selected('clocks') : []),
      ],
    },
    {
      name: 'selection of two of each',
      about: 'two processes with all services, one killed',
      rig: { ...plain, instances: 2, separate: false },
      perSecond: 50,
      faults: selected('two of each'),
    },
  ]
}
