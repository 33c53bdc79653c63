import { expect, test } from 'vitest'
import { obstacleToClocks } from './clocks.ts'
import { obstacleToDisks } from './disks.ts'
import type { Group } from './fault.ts'
import { groups } from './groups.ts'
import { runGroup } from './run-group.ts'

// The full run is `npm run faults`. Here each kind of fault comes once or so, always in the same order.
const SEED = 20
const PATIENCE_MS = 120_000
const TEST_MS = 400_000

const obstacles = { disks: obstacleToDisks(), clocks: obstacleToClocks() }

const selected = (name: string) => {
  const group = groups.find((one) => one.name === name)
  if (group === undefined) throw new Error(`there is no group ${name}`)
  return group.faults.filter((fault) => fault.selected)
}

const runSelection = (group: Group) =>
  runGroup(group, {
    seed: SEED,
    long: false,
    chosen: () => true,
    patienceMs: PATIENCE_MS,
    say: (line) => console.log(line),
  })

test('services, Postgres and NATS are broken under load: no message is lost, doubled or out of order', {
  timeout: TEST_MS,
}, async () => {
  const group = {
    name: 'selection of services and servers',
    about: '',
    rig: { instances: 1, separate: true, disks: false, clocks: false } as const,
    perSecond: 30,
    faults: [...selected('services'), ...selected('log and bus')],
  }
  const { accepted, injected, problems } = await runSelection(group)
  expect(problems).toEqual([])
  expect(injected.map(({ name }) => name).toSorted()).toEqual(
    group.faults.map(({ name }) => name).toSorted(),
  )
  expect(accepted).toBeGreaterThan(0)
})

test('Redis, peers, disks and clocks are broken under load: no message is lost, doubled or out of order', {
  timeout: TEST_MS,
}, async () => {
  const disks = obstacles.disks === undefined
  const clocks = obstacles.clocks === undefined
  const group = {
    name: 'selection of surroundings',
    about: '',
    rig: { instances: 1, separate: false, disks, clocks } as const,
    perSecond: 50,
    faults: [
      ...selected('caches and peers'),
      ...(disks ? selected('disks') : []),
      ...(clocks ? selected('clocks') : []),
    ],
    mayRefuse: clocks,
  }
  const { accepted, injected, problems } = await runSelection(group)
  expect(problems).toEqual([])
  expect(injected).toHaveLength(group.faults.length)
  expect(accepted).toBeGreaterThan(0)
})

// What this machine does not let be broken is named among the tests that did not run.
test.for(Object.entries(obstacles))('%s can be broken here', ([, obstacle], { skip }) => {
  skip(obstacle !== undefined, obstacle)
  expect(obstacle).toBeUndefined()
})
