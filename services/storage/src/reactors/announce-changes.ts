import { crashAt } from '@mailx/config/crash-at'
import type { CurrentKeys } from '@mailx/crypto/current-keys'
import { encodeMessage } from '@mailx/events/encode'
import type { Recorded } from '@mailx/events/event'
import { sealAnnouncement } from '@mailx/messaging/announcement'
import { type MailboxChange, MailboxesChanged } from '@mailx/proto/storage/v1/storage_service'
import type { Logger } from '@mailx/telemetry/logger'
import { counter, objective } from '@mailx/telemetry/metrics'
import type { NatsConnection } from '@nats-io/transport-node'
import type { AnnounceEvents } from '../projections/announce.ts'

/** Where gateways hear what to push. */
export const CHANGED_SUBJECT = 'mailboxes.changed'

/** What is older is no news: it comes after a long standstill, or the clock has jumped. Then streams list. */
const NEWS_MS = 10 * 60 * 1000
const HEADROOM_BYTES = 4 * 1024
const DEFAULT_MAX_PAYLOAD = 1024 * 1024

const announced = counter({
  name: 'mailx_storage_announcements_total',
  help: 'Messages on mailboxes.changed, by whether they could be handed to NATS.',
  labelNames: ['outcome'],
})

type Deps = {
  readonly nats: Pick<NatsConnection, 'publish' | 'info' | 'isClosed'>
  readonly busKeys: CurrentKeys
  readonly logger: Logger
}

/** Whether open streams should hear what an event changed, and not only that something did. */
export const isNews = ({ recordedAt }: Pick<Recorded, 'recordedAt'>, now: number): boolean =>
  recordedAt > now - NEWS_MS

export const announceEvents =
  (publish: PublishChanges, now: () => number): AnnounceEvents =>
  (events, changesOf, { again = false } = {}) => {
    const at = now()
    const changes: MailboxChange[] = []
    const listing = new Set<string>()
    for (const event of events) {
      const ofEvent = changesOf(event)
      if (!isNews(event, at)) {
        for (const { mailbox } of ofEvent) listing.add(mailbox)
        continue
      }
      if (!again && isDelivery(event, ofEvent)) observeDelivery(event, at)
      changes.push(...ofEvent)
    }
    publish([...[...listing].map(toList), ...changes])
  }

/** Whoever has the mailbox open lists it. */
export const toList = (mailbox: string): MailboxChange => ({ mailbox, traceparent: '' })

const latency = objective({
  name: 'mailx_mailbox_delivery_seconds',
  help: 'From acceptance, of a submission or of a delivery by a peer, to lying in the mailbox.',
  labelNames: ['from'],
  zeros: [{ from: 'user' }, { from: 'peer' }],
})

const isDelivery = ({ type }: Recorded, changes: readonly MailboxChange[]): boolean =>
  (type === 'MessageAccepted' || type === 'MessageReceived') &&
  changes.some(({ entry }) => entry !== undefined)

function observeDelivery({ metadata, recordedAt, type }: Recorded, now: number): void {
  const from = type === 'MessageAccepted' ? 'user' : 'peer'
  latency.observe({ from }, Math.max(0, now - recordedAt) / 1000, metadata.traceparent)
}

export type PublishChanges = (changes: readonly MailboxChange[]) => void

/**
 * Tells the gateways what a committed batch changed, in as few messages as NATS' limit allows. Nothing
 * waits for it. What is lost is made good: `resumed` of a projection announces again what a process may
 * have died with, and whatever NATS did not take, `announceGaps` has listed.
 */
export function changePublisher({ nats, busKeys, logger }: Deps): PublishChanges {
  const publish = (changes: readonly MailboxChange[]): void => {
    const message = encodeMessage(MailboxesChanged, { changes })
    const limit = (nats.info?.max_payload ?? DEFAULT_MAX_PAYLOAD) - HEADROOM_BYTES
    if (message.length > limit && changes.length > 1) {
      const half = Math.ceil(changes.length / 2)
      publish(changes.slice(0, half))
      publish(changes.slice(half))
      return
    }
    crashAt('storage.before-announce')
    nats.publish(CHANGED_SUBJECT, sealAnnouncement(busKeys(), CHANGED_SUBJECT, message))
    crashAt('storage.after-announce')
    announced.inc({ outcome: 'sent' })
  }
  return (changes) => {
    if (changes.length === 0) return
    try {
      publish(changes)
    } catch (error) {
      announced.inc({ outcome: 'lost' })
      logger.debug({ err: error }, 'mailbox changes could not be announced')
    }
  }
}
