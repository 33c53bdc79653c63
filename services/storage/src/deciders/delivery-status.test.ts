import { DeliveryState } from '@mailx/proto/storage/v1/storage_service'
import { Route } from '@mailx/proto/submission/v1/events'
import { expect, test } from 'vitest'
import { type CopyOutcome, deliveryStatus } from './delivery-status.ts'

const statusOf = (route: Route, facts: { inMailbox?: boolean; outcome?: CopyOutcome } = {}) => {
  const address = 'bob@b.test'
  const recipient = { address, route, envelopeHash: new Uint8Array(32), envelopeSize: 1 }
  const status = deliveryStatus({
    accepted: {
      messageId: new Uint8Array(16),
      sender: 'alice@a.test',
      senderDeviceId: new Uint8Array(16),
      createdAtUnixMs: 1n,
      contentHash: new Uint8Array(32),
      contentSize: 1,
      recipients: [recipient],
      attachments: [],
      expiresAtUnixMs: 9n,
    },
    acceptedAt: 5,
    inMailbox: new Set(facts.inMailbox ? [address] : []),
    outcomes: new Map(facts.outcome ? [[address, facts.outcome]] : []),
  })
  return status.recipients[0]
}

const outcome = (state: CopyOutcome['state'], over: Partial<CopyOutcome> = {}): CopyOutcome => ({
  state,
  code: '',
  reason: '',
  delayed: false,
  changedAt: 7,
  ...over,
})

test('a local copy is delivered only when it is in the mailbox', () => {
  expect(statusOf(Route.LOCAL)?.state).toBe(DeliveryState.ACCEPTED)
  expect(statusOf(Route.LOCAL, { inMailbox: true })?.state).toBe(DeliveryState.DELIVERED)
})

test('a copy for another domain is accepted until something is known of it', () => {
  expect(statusOf(Route.REMOTE)).toMatchObject({
    state: DeliveryState.ACCEPTED,
    changedAtUnixMs: 5n,
  })
})

test('a copy for another domain is never delivered because somebody here has the message', () => {
  expect(statusOf(Route.REMOTE, { inMailbox: true })?.state).toBe(DeliveryState.ACCEPTED)
})

test('a deferred copy says why, and whether it is late', () => {
  const deferred = outcome('deferred', {
    code: 'UNAVAILABLE',
    reason: 'b.test is away',
    delayed: true,
  })
  expect(statusOf(Route.REMOTE, { outcome: deferred })).toMatchObject({
    state: DeliveryState.DEFERRED,
    code: 'UNAVAILABLE',
    reason: 'b.test is away',
    delayed: true,
    changedAtUnixMs: 7n,
  })
})

test('a bounced copy has the code of the bounce', () => {
  const bounced = outcome('bounced', { code: 'EXPIRED', reason: 'tried for five days' })
  expect(statusOf(Route.REMOTE, { outcome: bounced })).toMatchObject({
    state: DeliveryState.BOUNCED,
    code: 'EXPIRED',
  })
})

test('a delivered copy is delivered', () => {
  expect(statusOf(Route.REMOTE, { outcome: outcome('delivered') })?.state).toBe(
    DeliveryState.DELIVERED,
  )
})

test('a recipient here that does not exist is bounced', () => {
  expect(statusOf(Route.UNDELIVERABLE)).toMatchObject({
    state: DeliveryState.BOUNCED,
    reason: 'recipient cannot be reached',
  })
})

test('a route of a newer version is claimed to be no more than accepted', () => {
  expect(statusOf(Route.UNRECOGNIZED)?.state).toBe(DeliveryState.ACCEPTED)
})
