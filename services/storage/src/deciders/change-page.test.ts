import type { MailboxEntry } from '@mailx/proto/storage/v1/storage_service'
import { expect, test } from 'vitest'
import { type Change, changePage } from './change-page.ts'
import type { Cursor } from './cursor.ts'

const entry = (name: string): MailboxEntry => ({
  messageId: new TextEncoder().encode(name),
  sender: 'alice@a.test',
  createdAtUnixMs: 0n,
  receivedAtUnixMs: 0n,
  size: 1,
  flags: [],
  deleted: false,
})

const told = (partition: string, position: number, changedAt: number): Change => ({
  partition,
  position: BigInt(position),
  changedAt,
  outcome: { status: 'told', entry: entry(`${partition}/${position}`) },
})

const silent = (change: Change, status: 'later' | 'unknown'): Change => ({
  ...change,
  outcome: { status },
})

const start: Cursor = new Map()
const names = (entries: readonly MailboxEntry[]) =>
  entries.map(({ messageId }) => new TextDecoder().decode(messageId))

/** All pages, as a client would ask for them. */
function pages(changes: readonly Change[], limit: number): string[][] {
  const result: string[][] = []
  let cursor = start
  for (;;) {
    const left = changes.filter(
      ({ partition, position }) => position > (cursor.get(partition) ?? 0n),
    )
    const page = changePage(left, { cursor, limit })
    result.push(names(page.entries))
    cursor = page.cursor
    if (!page.more) return result
  }
}

test('changes of several partitions come oldest first', () => {
  const changes = [told('s-0', 1, 10), told('s-0', 2, 30), told('s-1', 1, 20)]
  const page = changePage(changes, { cursor: start, limit: 10 })
  expect(names(page.entries)).toEqual(['s-0/1', 's-1/1', 's-0/2'])
  expect(page.more).toBe(false)
})

test('a partition is never left out of order, even when its clock went back', () => {
  const changes = [told('s-0', 1, 50), told('s-0', 2, 10), told('s-1', 1, 20)]
  const { entries } = changePage(changes, { cursor: start, limit: 10 })
  expect(names(entries)).toEqual(['s-1/1', 's-0/1', 's-0/2'])
})

test('pages together tell everything once, whatever their size', () => {
  const changes = [1, 2, 3, 4, 5].flatMap((n) => [told('s-0', n, n * 2), told('s-1', n, n * 3)])
  const all = pages(changes, 100).flat()
  for (const limit of [1, 2, 3, 7]) expect(pages(changes, limit).flat()).toEqual(all)
  expect(new Set(all).size).toBe(10)
})

test('the cursor says exactly what was told, partition by partition', () => {
  const changes = [told('s-0', 4, 10), told('s-1', 9, 20), told('s-1', 12, 30)]
  const cursor = new Map([
    ['s-0', 3n],
    ['r-0', 8n],
  ])
  const page = changePage(changes, { cursor, limit: 2 })
  expect(Object.fromEntries(page.cursor)).toEqual({ 'r-0': 8n, 's-0': 4n, 's-1': 9n })
  expect(page.more).toBe(true)
})

test('an entry that was changed since is told once, by its change', () => {
  const changes = [silent(told('s-0', 1, 10), 'later'), told('m-0', 1, 20)]
  const page = changePage(changes, { cursor: start, limit: 10 })
  expect(names(page.entries)).toEqual(['m-0/1'])
  expect(page.cursor.get('s-0')).toBe(1n)
})

test('a change of an entry that is not known yet holds its partition back', () => {
  const changes = [
    told('m-0', 1, 5),
    silent(told('m-0', 2, 10), 'unknown'),
    told('m-0', 3, 15),
    told('s-0', 1, 20),
  ]
  const page = changePage(changes, { cursor: start, limit: 10 })
  expect(names(page.entries)).toEqual(['m-0/1', 's-0/1'])
  expect(page.cursor.get('m-0')).toBe(1n)
  expect(page.more).toBe(false)
})

test('two entries that one change touched are told together, whatever the limit', () => {
  const changes = [told('m-0', 1, 5), told('m-0', 1, 5), told('m-0', 2, 6)]
  const page = changePage(changes, { cursor: start, limit: 1 })
  expect(page.entries).toHaveLength(2)
  expect(page.more).toBe(true)
})
