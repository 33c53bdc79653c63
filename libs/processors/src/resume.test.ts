import { memoryEventLog } from '@mailx/event-log/memory-event-log'
import { expect, test } from 'vitest'
import type { Projection } from './projection.ts'
import { resume } from './resume.ts'

const bytes = { encode: (m: Uint8Array) => ({ finish: () => m }), decode: (m: Uint8Array) => m }
const PARTITION = 'mailbox-0'

async function logOf(...types: readonly string[]) {
  const log = memoryEventLog({ mailbox: 1 }, () => 1000)
  for (const type of types) {
    await log.append({
      context: 'mailbox',
      key: 'key',
      stream: 'stream',
      expectedVersion: 'any',
      events: [{ type, data: new Uint8Array(1) }],
    })
  }
  return log
}

async function toldOf(
  where: { readonly known: bigint; readonly position: bigint; readonly page: number },
  ...types: readonly string[]
): Promise<readonly bigint[]> {
  const told: bigint[] = []
  const projection: Projection = {
    name: 'test.tell',
    contexts: ['mailbox'],
    events: { Happened: bytes },
    tables: [],
    apply: async () => {},
    resumed: (events) => told.push(...events.map(({ position }) => position)),
  }
  await resume(projection, { log: await logOf(...types), partition: PARTITION, ...where })
  return told
}

const five = ['Happened', 'Happened', 'Happened', 'Happened', 'Happened']

test('what may not have been told of is what one transaction can have applied', async () => {
  expect(await toldOf({ known: 0n, position: 4n, page: 10 }, ...five)).toEqual([1n, 2n, 3n, 4n])
  expect(await toldOf({ known: 0n, position: 4n, page: 2 }, ...five)).toEqual([3n, 4n])
})

test('what this process has applied itself it has told of', async () => {
  expect(await toldOf({ known: 3n, position: 5n, page: 10 }, ...five)).toEqual([4n, 5n])
  expect(await toldOf({ known: 5n, position: 5n, page: 10 }, ...five)).toEqual([])
  expect(await toldOf({ known: 5n, position: 1n, page: 10 }, ...five)).toEqual([])
})

test('one that was parked is passed over', async () => {
  const where = { known: 0n, position: 3n, page: 10 }
  expect(await toldOf(where, 'Happened', 'Unheard', 'Happened')).toEqual([1n, 3n])
})
