import { clockFaults } from './clock-jumps.ts'
import { obstacleToClocks } from './clocks.ts'
import { obstacleToDisks } from './disks.ts'
import type { Group } from './fault.ts'
import { peerFaults } from './peers-apart.ts'
import { killsAtPoints } from './servers-at-points.ts'
import { natsFaults, postgresFaults, redisFaults } from './servers-broken.ts'
import { crashes, everything, freezes, kills } from './services-killed.ts'
import { diskFaults } from './small-disks.ts'
import { strangePeers } from './strange-peers.ts'
import { twoOfEachFaults } from './two-of-each.ts'

const many = { instances: 1, separate: true, disks: false, clocks: false } as const
const few = { ...many, separate: false } as const

export const groups: readonly Group[] = [
  {
    name: 'services',
    about: 'each service killed, at any moment and at every step of a message; standing still',
    rig: many,
    perSecond: 40,
    faults: [...kills, ...crashes, ...freezes, everything],
  },
  {
    name: 'two of each',
    about: 'two instances of every service, one killed; all restarted in turn',
    rig: { ...many, instances: 2 },
    perSecond: 40,
    faults: twoOfEachFaults,
  },
  {
    name: 'log and bus',
    about: 'Postgres and NATS killed, paused, emptied; answers of theirs lost',
    rig: many,
    perSecond: 40,
    faults: [...postgresFaults, ...natsFaults, ...killsAtPoints],
  },
  {
    name: 'caches and peers',
    about: 'Redis; the network between domains and to clients; strange peers',
    rig: few,
    perSecond: 150,
    faults: [...redisFaults, ...peerFaults, ...strangePeers],
  },
  {
    name: 'disks',
    about: 'full disks; power loss of everything at once',
    rig: { ...few, disks: true },
    perSecond: 150,
    faults: diskFaults,
    obstacle: obstacleToDisks,
  },
  {
    name: 'clocks',
    about: 'clocks that jump by a day',
    rig: { ...few, clocks: true },
    perSecond: 150,
    faults: clockFaults,
    obstacle: obstacleToClocks,
  },
]
