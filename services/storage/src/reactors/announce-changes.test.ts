import type { Recorded } from '@mailx/events/event'
import type { MailboxChange } from '@mailx/proto/storage/v1/storage_service'
import { expect, test } from 'vitest'
import { announceEvents, toList } from './announce-changes.ts'

const NOW = 1_800_000_000_000
const HOUR = 60 * 60 * 1000

const event = (mailbox: string, recordedAt: number): Recorded =>
  ({ type: 'Test', data: { mailbox }, recordedAt }) as unknown as Recorded

const changeOf = ({ data }: Recorded): MailboxChange => ({
  mailbox: (data as { mailbox: string }).mailbox,
  traceparent: 'of the event',
})

function announced(...events: readonly Recorded[]): readonly MailboxChange[] {
  const published: MailboxChange[] = []
  const announce = announceEvents(
    (changes) => published.push(...changes),
    () => NOW,
  )
  announce(events, (one) => [changeOf(one)])
  return published
}

test('what happened a moment ago is announced as it is', () => {
  const recent = event('alice@a.test', NOW - 1000)
  expect(announced(recent)).toEqual([changeOf(recent)])
})

test('of what is old, after a standstill or a jump of the clock, mailboxes are told once to list', () => {
  const recent = event('carol@a.test', NOW)
  const old = ['alice@a.test', 'bob@a.test', 'alice@a.test'].map((one) => event(one, NOW - HOUR))
  expect(announced(...old, recent)).toEqual([
    toList('alice@a.test'),
    toList('bob@a.test'),
    changeOf(recent),
  ])
})
