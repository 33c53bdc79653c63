import { afterAll, beforeAll, expect, test } from 'vitest'
import { type StorageRig, startRig } from '../testing/storage-rig.ts'
import { changesAfter } from './list-messages.ts'

let rig: StorageRig
beforeAll(async () => {
  rig = await startRig()
})
afterAll(() => rig.stop())

const mailbox = 'bob@b.test'

/** As many entries as a mailbox may have after years, half of them flagged, in two partitions. */
const fill = [
  `insert into storage.entries_submitted
     select '${mailbox}', 'submission-' || n % 2, n, sha256(n::text::bytea), 'alice@a.test',
            n, n, 1, sha256(n::text::bytea), sha256(n::text::bytea)
       from generate_series(1, 40000) n`,
  `insert into storage.entry_changes
     select '${mailbox}', sha256(n::text::bytea), '{seen}', false, 'mailbox-0', n, n
       from generate_series(1, 20000) n`,
  'analyze storage.entries_submitted',
  'analyze storage.entry_changes',
]

/** Pages of Postgres that one list touches. */
async function pagesRead(after: number, changedAfter: number): Promise<number> {
  const { rows } = await rig.pool.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
    `explain (analyze, buffers, format json) ${changesAfter.text}`,
    [
      mailbox,
      ['submission-0', 'submission-1'],
      [after, after],
      ['reception-0'],
      [0],
      'mailbox-0',
      changedAfter,
      101,
    ],
  )
  const plan = rows[0]?.['QUERY PLAN'][0].Plan ?? {}
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
}

test('what a list costs does not depend on how much the mailbox holds', async () => {
  for (const statement of fill) await rig.pool.query(statement)
  expect(await pagesRead(40_000, 20_000)).toBeLessThan(50)
  expect(await pagesRead(39_990, 19_990)).toBeLessThan(500)
  expect(await pagesRead(0, 0)).toBeLessThan(5_000)
})
