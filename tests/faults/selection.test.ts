import { sayOnStderr } from '@mailx/backends/backend'
import { expect, test } from 'vitest'
import { fetchFaketime, obstacleToClocks } from './clocks.ts'
import { fetchDiskTools, obstacleToDisks } from './disks.ts'
import { loadNow, loadText } from './machine-load.ts'
import { recoveryLines } from './recovery.ts'
import { runGroup } from './run-group.ts'
import { SELECTION_SEED, selection } from './selection.ts'

// The full run is `npm run faults`.
const PATIENCE_MS = 120_000
const TEST_MS = 400_000
const ALL_MS = 8 * 60_000

await fetchDiskTools(sayOnStderr)
await fetchFaketime(sayOnStderr)
let usedMs = 0

test.for(selection())(
  '$name: no message is lost, doubled, out of order or untold',
  {
    timeout: TEST_MS,
    retry: 0,
  },
  async (group) => {
    const again = `again: npm run faults -- --selection --seed ${SELECTION_SEED} --only '${group.name}'`
    const began = performance.now()
    try {
      const result = await runGroup(group, {
        seed: SELECTION_SEED,
        long: false,
        chosen: () => true,
        patienceMs: PATIENCE_MS,
        say: (line) => console.log(line),
      })
      const { accepted, injected, problems } = result
      // How soon it recovered is told, and judged by the full run.
      for (const { text } of recoveryLines([result])) console.log(text)
      expect(problems).toEqual([])
      expect(injected.map(({ name }) => name).toSorted()).toEqual(
        group.faults.map(({ name }) => name).toSorted(),
      )
      expect(injected.length).toBeGreaterThan(0)
      expect(accepted).toBeGreaterThan(0)
    } catch (error) {
      console.log(again)
      throw error
    } finally {
      usedMs += performance.now() - began
    }
  },
)

test('the selection takes at most eight minutes', { retry: 0 }, () => {
  expect(usedMs, `${Math.round(usedMs / 1000)} s, ${loadText(loadNow())}`).toBeLessThan(ALL_MS)
})

test('a service is killed at any moment, and one of two', () => {
  const names = selection().flatMap(({ faults }) => faults.map(({ name }) => name))
  expect(names).toContainEqual(expect.stringMatching(/^kill (?!one of two)[a-z-]+ of /))
  expect(names).toContainEqual(expect.stringMatching(/^kill one of two /))
})

// What this machine does not let be broken is named among the tests that did not run.
const obstacles = { disks: obstacleToDisks(), clocks: obstacleToClocks() }

test.for(Object.entries(obstacles))('%s can be broken here', ([, obstacle], { skip }) => {
  skip(obstacle !== undefined, obstacle)
  expect(obstacle).toBeUndefined()
})
