import { crashAt } from '@mailx/config/crash-at'
import type { CurrentKeys } from '@mailx/crypto/current-keys'
import { openAnnouncement } from '@mailx/messaging/announcement'
import { MailboxesChanged } from '@mailx/proto/storage/v1/storage_service'
import type { Logger } from '@mailx/telemetry/logger'
import { counter } from '@mailx/telemetry/metrics'
import type { NatsConnection } from '@nats-io/transport-node'
import type { PushHub } from './push-hub.ts'

const CHANGED_SUBJECT = 'mailboxes.changed'

const forged = counter({
  name: 'mailx_gateway_forged_announcements_total',
  help: 'Messages on mailboxes.changed that no process of this deployment sent.',
})

type Deps = {
  readonly nats: NatsConnection
  readonly busKeys: CurrentKeys
  readonly hub: PushHub
  readonly logger: Logger
}

/**
 * Hears what storage announces, with one subscription for the whole process, and hands it to the open
 * streams. What was said while NATS was away is lost: then every stream is told to list.
 */
export function hearChanges({ nats, busKeys, hub, logger }: Deps): { stop(): void } {
  const subscription = nats.subscribe(CHANGED_SUBJECT, {
    callback: (error, message) => {
      if (error) {
        logger.warn({ err: error }, 'mailbox changes cannot be heard; clients find them by listing')
        return
      }
      const bytes = openAnnouncement(busKeys(), message.subject, message.data)
      if (bytes === undefined) {
        forged.inc()
        return
      }
      crashAt('gateway.before-push')
      hub.push(MailboxesChanged.decode(bytes).changes)
    },
  })
  const watching = watchReconnects(nats, hub)
  watching.catch((error: unknown) => {
    logger.warn({ err: error }, 'the NATS connection is no longer watched')
  })
  return { stop: () => subscription.unsubscribe() }
}

async function watchReconnects(nats: NatsConnection, hub: PushHub): Promise<void> {
  for await (const { type } of nats.status()) if (type === 'reconnect') hub.resync()
}
