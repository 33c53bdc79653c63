import { randomBytes } from '@mailx/crypto/random'
import type { EventLog } from '@mailx/event-log/event-log'
import { callUnary } from '@mailx/grpc/client'
import { rebuildProjection } from '@mailx/processors/rebuild-projection'
import { Route } from '@mailx/proto/submission/v1/events'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { receive, report, submit } from '../testing/sample-events.ts'
import { type StorageRig, startRig } from '../testing/storage-rig.ts'
import { changesProjection } from './changes.ts'
import { outcomesProjection } from './outcomes.ts'
import { receivedProjection } from './received.ts'
import { submittedProjection } from './submitted.ts'

let rig: StorageRig
beforeAll(async () => {
  rig = await startRig()
})
afterAll(() => rig.stop())

const tables = [
  'entries_submitted',
  'attachments_submitted',
  'remote_copies',
  'usage_submitted',
  'entries_received',
  'attachments_received',
  'usage_received',
  'outcomes',
  'entry_changes',
  'mailboxes',
]

async function dump(): Promise<Record<string, string[]>> {
  const rows = tables.map(async (table): Promise<[string, string[]]> => {
    const { rows: found } = await rig.pool.query<{ row: string }>(
      `select t::text as row from storage.${table} t order by 1`,
    )
    return [table, found.map(({ row }) => row)]
  })
  return Object.fromEntries(await Promise.all(rows))
}

/** A bit of everything that can happen to a mailbox. */
async function traffic(log: EventLog, bob: string): Promise<void> {
  const first = await submit(log, {
    to: { [bob]: Route.LOCAL, 'dave@d.test': Route.REMOTE, 'x@b.test': Route.UNDELIVERABLE },
    attachments: [randomBytes(10)],
  })
  const second = await submit(log, { from: 'zoe@a.test', to: { [bob]: Route.LOCAL } })
  await receive(log, { to: bob, attachments: [randomBytes(10)] })
  await rig.entries(bob, 3)
  const call = { mailbox: bob, messageIds: [first.messageId, second.messageId] }
  await callUnary(rig.client.setFlags, { ...call, add: ['seen', 'flagged'], remove: [] })
  await callUnary(rig.client.setFlags, { ...call, add: ['$junk'], remove: ['flagged'] })
  await callUnary(rig.client.deleteMessages, { mailbox: bob, messageIds: [second.messageId] })
  const { messageId, sender } = first
  const copy = { messageId, sender, recipient: 'dave@d.test', peer: 'd.test' }
  const reason = 'd.test is away'
  const deferred = { ...copy, code: 'UNAVAILABLE', reason, attempts: 1 }
  await report(log, { type: 'DeliveryDeferred', data: deferred })
  await report(log, { type: 'DeliveryDelayed', data: { ...copy, reason: 'still away' } })
}

/** Announces nothing. */
const quiet = () => undefined

const caughtUp = () =>
  eventually(async () => {
    const { rows } = await rig.pool.query(
      `select from log.partitions p
         left join storage.checkpoints c on c.partition = p.name and c.projection <> 'storage.watch-quota'
         where p.context in ('submission', 'reception', 'delivery', 'mailbox')
           and coalesce(c.position, 0) < p.head`,
    )
    return rows.length === 0
  })

test('rebuilt from the log, every table holds the same rows', async () => {
  await traffic(rig.log, 'bob@b.test')
  await traffic(rig.log, 'carol@b.test')
  await caughtUp()
  const before = await dump()
  expect(tables.filter((table) => before[table]?.length === 0)).toEqual([])

  await rig.service.stop()
  await rig.pool.query(`truncate ${tables.map((table) => `storage.${table}`).join(', ')}`)
  await rig.pool.query(`delete from storage.checkpoints where projection <> 'storage.watch-quota'`)
  const again = await rig.start()
  await caughtUp()
  expect(await dump()).toEqual(before)
  await again.stop()
})

test('rebuilt while mail goes on, nothing is missing and nothing is there twice', async () => {
  const service = await rig.start()
  await caughtUp()
  const { pool, log } = rig
  const rebuild = new AbortController()
  const sending = (async () => {
    for (let n = 0; !rebuild.signal.aborted; n += 1) {
      await submit(log, { from: `s${n % 5}@a.test`, to: { 'dora@b.test': Route.LOCAL } })
      await receive(log, { to: 'dora@b.test' })
    }
  })()
  for (const projection of [submittedProjection(quiet), receivedProjection(quiet)]) {
    await rebuildProjection({ pool, log, schema: 'storage', projection })
  }
  rebuild.abort()
  await sending
  await caughtUp()
  const before = await dump()
  for (const projection of [
    submittedProjection(quiet),
    receivedProjection(quiet),
    outcomesProjection(quiet),
    changesProjection(quiet),
  ]) {
    await rebuildProjection({ pool, log, schema: 'storage', projection })
  }
  expect(await dump()).toEqual(before)
  await service.stop()
})

test('events that come a second time change nothing', async () => {
  const again = await rig.start()
  await caughtUp()
  const before = await dump()
  await again.stop()
  await rig.pool.query(`delete from storage.checkpoints where projection <> 'storage.watch-quota'`)
  const twice = await rig.start()
  await caughtUp()
  expect(await dump()).toEqual(before)
  await twice.stop()
})
