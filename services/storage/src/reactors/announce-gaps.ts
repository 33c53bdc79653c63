import type { Logger } from '@mailx/telemetry/logger'
import type { NatsConnection } from '@nats-io/transport-node'
import type { PublishChanges } from './announce-changes.ts'

type Deps = {
  readonly nats: Pick<NatsConnection, 'status'>
  readonly publish: PublishChanges
  readonly logger: Logger
}

/** What was announced while this process was cut off from NATS is lost: then every open stream lists. */
export function announceGaps({ nats, publish, logger }: Deps): void {
  const watching = async () => {
    for await (const { type } of nats.status()) {
      if (type === 'reconnect') publish([{ mailbox: '', traceparent: '' }])
    }
  }
  watching().catch((error: unknown) => {
    logger.warn({ err: error }, 'the NATS connection is no longer watched')
  })
}
