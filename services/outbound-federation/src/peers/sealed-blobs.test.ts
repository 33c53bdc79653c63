import { toHex } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import type { Blob } from '@mailx/event-log/event-log'
import { memoryEventLog } from '@mailx/event-log/memory-event-log'
import type { Sql } from '@mailx/event-log/sql'
import { encodeEvent } from '@mailx/events/codec'
import { submissionEvents } from '@mailx/events/submission'
import { MessageAccepted, Recipient, type Route } from '@mailx/proto/submission/v1/events'
import { expect, test } from 'vitest'
import { sealedBlobs } from './sealed-blobs.ts'

const blob = (text: string): Blob => {
  const data = Buffer.from(text.padEnd(100, '.'))
  return { hash: blake2b256(data), data }
}

/** A log, and a Postgres that has nothing and notes what it was asked for. */
function rig(maxBytes?: number) {
  const log = memoryEventLog({ submission: 1 }, () => 0)
  const asked: number[] = []
  const sql = {
    query: async ({ values }: { values: [Buffer] }) => {
      asked.push(values[0].readInt32BE(12))
      return { rows: [] }
    },
  } as unknown as Sql
  const sealed = sealedBlobs(sql, log, maxBytes)
  let sent = 0
  const accept = async (route: Route, content: Blob, envelope: Blob) => {
    sent += 1
    const data: MessageAccepted = {
      ...MessageAccepted.create(),
      sender: 'alice@a.test',
      contentHash: content.hash,
      recipients: [
        Recipient.fromPartial({ address: 'bob@b.test', route, envelopeHash: envelope.hash }),
      ],
    }
    await log.append({
      context: 'submission',
      key: 'alice@a.test',
      stream: `submission/${sent}`,
      expectedVersion: 0,
      events: [encodeEvent(submissionEvents, { type: 'MessageAccepted', data })],
      blobs: [content, envelope],
    })
  }
  return { sealed, accept, asked }
}

test('what this process has just accepted for another domain is handed out once, without a query', async () => {
  const { sealed, accept, asked } = rig()
  const [content, envelope] = [blob('content'), blob('envelope')]
  await accept('ROUTE_REMOTE', content, envelope)
  const found = await sealed.read([content.hash, envelope.hash])
  expect(found).toEqual(new Map([content, envelope].map(({ data, hash }) => [toHex(hash), data])))
  expect(asked).toEqual([])
  expect(await sealed.read([content.hash, envelope.hash])).toEqual(new Map())
  expect(asked).toEqual([2])
})

test('what stays here is not kept', async () => {
  const { sealed, accept, asked } = rig()
  const [content, envelope] = [blob('content'), blob('envelope')]
  await accept('ROUTE_LOCAL', content, envelope)
  await sealed.read([content.hash, envelope.hash])
  expect(asked).toEqual([2])
})

test('the oldest give way when there are too many, and are read from Postgres', async () => {
  const { sealed, accept, asked } = rig(400)
  const pairs = [1, 2, 3].map((n) => [blob(`content ${n}`), blob(`envelope ${n}`)] as const)
  for (const [content, envelope] of pairs) await accept('ROUTE_REMOTE', content, envelope)
  const found = await sealed.read(pairs.flat().map(({ hash }) => hash))
  expect(found.size).toBe(4)
  expect(asked).toEqual([2])
})

test('after stop nothing more is kept', async () => {
  const { sealed, accept, asked } = rig()
  const [content, envelope] = [blob('content'), blob('envelope')]
  sealed.stop()
  await accept('ROUTE_REMOTE', content, envelope)
  await sealed.read([content.hash, envelope.hash])
  expect(asked).toEqual([2])
})
