import { MailxError } from '@mailx/errors/mailx-error'
import type { Decider } from '@mailx/events/decider'
import { expect, test } from 'vitest'
import type { EventLog } from './event-log.ts'
import { handleCommand } from './handle-command.ts'
import { memoryEventLog } from './memory-event-log.ts'

const codec = {
  encode: (amount: number) => ({ finish: () => new Uint8Array([amount]) }),
  decode: (bytes: Uint8Array) => bytes[0] ?? 0,
}
const codecs = { Added: codec }
type Event = { type: 'Added'; data: number }

/** Adds up to a total of ten; adding nothing changes nothing. */
const decider: Decider<number, number, Event> = {
  initialState: 0,
  decide(amount, total) {
    if (total + amount > 10) throw new MailxError('QUOTA_EXCEEDED', 'too much')
    return amount === 0 ? [] : [{ type: 'Added', data: amount }]
  },
  evolve: (total, { data }) => total + data,
}

const newLog = () => memoryEventLog({ mailbox: 2 }, () => 1000)
const stream = { context: 'mailbox', key: 'alice', stream: 'mailbox/alice' }
const add = (log: EventLog, command: number, more = {}) =>
  handleCommand(log, { ...stream, codecs, decider, command, ...more })

test('a command is decided on what happened so far', async () => {
  const log = newLog()
  expect(await add(log, 7)).toMatchObject({
    events: [{ type: 'Added', data: 7 }],
    version: 1,
    position: 1n,
  })
  await expect(add(log, 4)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
  expect(await add(log, 3)).toMatchObject({ version: 2, position: 2n })
})

test('a command that changes nothing appends nothing and tells where the stream is', async () => {
  const log = newLog()
  expect(await add(log, 0)).toMatchObject({ events: [], version: 0, position: 0n })
  await add(log, 5)
  expect(await add(log, 0)).toMatchObject({ events: [], version: 1, position: 1n })
})

test('when somebody else was faster it decides again', async () => {
  const log = newLog()
  let reads = 0
  const raced: EventLog = {
    ...log,
    async readStream(request) {
      const events = await log.readStream(request)
      reads += 1
      if (reads === 1) await add(log, 8)
      return events
    },
  }
  await expect(add(raced, 8)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
  expect(reads).toBe(2)
})

test('it gives up on a stream that never stands still', async () => {
  const log = newLog()
  const busy: EventLog = {
    ...log,
    append: async () => {
      throw new MailxError('CONFLICT', 'busy')
    },
  }
  await expect(add(busy, 1)).rejects.toMatchObject({ code: 'CONFLICT' })
})

test('a stream assumed new is not read, unless it is not new', async () => {
  const log = newLog()
  let reads = 0
  const counting: EventLog = {
    ...log,
    readStream(request) {
      reads += 1
      return log.readStream(request)
    },
  }
  await add(counting, 6, { assumeNew: true })
  expect(reads).toBe(0)
  await expect(add(counting, 6, { assumeNew: true })).rejects.toMatchObject({
    code: 'QUOTA_EXCEEDED',
  })
  expect(reads).toBe(1)
})

test('events of a newer version are passed over', async () => {
  const log = newLog()
  await log.append({
    ...stream,
    expectedVersion: 0,
    events: [{ type: 'FromTheFuture', data: new Uint8Array([99]) }],
  })
  expect(await add(log, 9)).toMatchObject({ version: 2 })
})
