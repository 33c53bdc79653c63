import { expect, test } from 'vitest'
import type { Group } from './fault.ts'
import { recoveryLines } from './recovery.ts'
import { resultTable } from './result-table.ts'
import type { GroupResult, InjectedFault } from './run-group.ts'
import { scheduleOf } from './schedule.ts'

const group: Group = {
  name: 'services',
  about: '',
  rig: { instances: 1, separate: true, disks: false, clocks: false },
  perSecond: 1,
  faults: ['one', 'two', 'three', 'four'].map((name) => ({
    name,
    rounds: 2,
    inject: async () => ({ since: 0 }),
  })),
}

const injected = (name: string, recoveredMs: number | undefined): InjectedFault => ({
  name,
  recovery: 'service',
  mayRefuse: false,
  began: 0,
  counts: 2,
  recoveredMs,
  load: 1,
})

const resultOf = (...faults: InjectedFault[]): GroupResult => ({
  group,
  injected: faults,
  accepted: 7,
  refused: 0,
  resent: 0,
  findings: {
    lost: 0,
    duplicated: 0,
    reordered: 0,
    corrupt: 0,
    unresolved: 0,
    unheard: 0,
    unexpected: 0,
  },
  problems: [],
  seconds: 1,
})

const isKept = (...times: number[]) =>
  recoveryLines([resultOf(...times.map((ms) => injected('one', ms)))])[0]?.isKept

const schedule = (seed: number, name?: string) =>
  scheduleOf(group, {
    seed,
    long: true,
    chosen: (fault) => name === undefined || fault.name === name,
  }).map((one) => ({ name: one.fault.name, seed: one.seed }))

test('the table gathers what is the same at every service', () => {
  const result = resultOf(
    injected('kill gateway of a.test', 100),
    injected('kill storage of b.test', 300),
    injected('kill storage of a.test', 200),
    injected('kill one of two storage of a.test', 50),
  )
  const [head, total, line, other] = resultTable([result]).split('\n')
  expect(head).toMatch(/^scenario +faults +accepted/)
  expect(total).toMatch(/^SERVICES +8 +7$/)
  expect(line).toMatch(/^ {2}kill a service +6 +200 ms +300 ms$/)
  expect(other).toMatch(/^ {2}kill one of two of a service +2 +50 ms +50 ms$/)
})

test('a single one above the promise breaks the promise', () => {
  expect(isKept(4_000, 5_000, 1_000)).toBe(true)
  expect(isKept(1_000, 1_000, 1_000, 5_001)).toBe(false)
})

test('of two instances one takes over far sooner than a service comes back', () => {
  const one = { ...injected('one', 3_001), recovery: 'instance' } as const
  const [line] = recoveryLines([resultOf(one)])
  expect(line).toMatchObject({ name: 'one', isKept: false })
  expect(line?.text).toMatch(
    /^one of two .* longest 3001 ms \(one, load 1 on \d+ CPUs\); promised 3000/,
  )
})

test('the same seed gives the same order, and what a fault does depends on no other', () => {
  expect(schedule(1)).toEqual(schedule(1))
  expect(schedule(1)).not.toEqual(schedule(2))
  expect(schedule(1)).toHaveLength(8)
  expect(schedule(1, 'two')).toEqual(schedule(1).filter(({ name }) => name === 'two'))
})
