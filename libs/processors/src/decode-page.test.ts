import type { StoredEvent } from '@mailx/event-log/event-log'
import { EventMetadata } from '@mailx/proto/log/v1/batch'
import { expect, test, vi } from 'vitest'
import { decodePage } from './decode-page.ts'

const codec = {
  encode: () => ({ finish: () => new Uint8Array(0) }),
  decode: vi.fn<(bytes: Uint8Array) => number>((bytes) => {
    if (bytes.length === 0) throw new Error('nothing there')
    return bytes.length
  }),
}
const events = { Known: codec, Other: codec }

const stored = (position: number, type = 'Known', bytes = 1): StoredEvent => ({
  position: BigInt(position),
  stream: 's',
  version: position,
  type,
  data: new Uint8Array(bytes),
  metadata: new Uint8Array(0),
  recordedAt: 7,
  hash: new Uint8Array(32),
})

test('events come decoded, with their place and their metadata', () => {
  const metadata = { traceparent: '', actor: 'gateway', causation: 'mail-0/3' }
  const event = { ...stored(1), metadata: EventMetadata.encode(metadata).finish() }
  expect(decodePage({ events }, 'mail-0', [event])).toEqual({
    wanted: [
      {
        type: 'Known',
        data: 1,
        partition: 'mail-0',
        position: 1n,
        stream: 's',
        version: 1,
        recordedAt: 7,
        metadata,
      },
    ],
    count: 1,
  })
})

test('what is not handled is passed over without a look at it', () => {
  const page = [stored(1, 'Other', 0), stored(2, 'Unknown'), stored(3)]
  const { wanted, count } = decodePage({ events, handles: ['Known'] }, 'mail-0', page)
  expect(wanted.map(({ position }) => position)).toEqual([3n])
  expect(count).toBe(3)
})

test('it stops before an event that is wanted and unknown, or not decodable', () => {
  expect(decodePage({ events }, 'mail-0', [stored(1), stored(2, 'Unknown')])).toMatchObject({
    count: 1,
    poison: 'unknown event type',
  })
  expect(decodePage({ events }, 'mail-0', [stored(1, 'Known', 0), stored(2)])).toEqual({
    wanted: [],
    count: 0,
    poison: 'not decodable: nothing there',
  })
})

test('names that every object has are not event types', () => {
  expect(decodePage({ events }, 'mail-0', [stored(1, 'toString')])).toMatchObject({
    poison: 'unknown event type',
  })
})

test('an event that several processors want is decoded once', () => {
  const page = [stored(1), stored(2)]
  codec.decode.mockClear()
  const first = decodePage({ events }, 'mail-0', page)
  const second = decodePage({ events, handles: ['Known'] }, 'mail-0', page)
  expect(second.wanted).toEqual(first.wanted)
  expect(codec.decode).toHaveBeenCalledTimes(2)
})
