import { crashAt } from '@mailx/config/crash-at'
import { MailxError } from '@mailx/errors/mailx-error'
import { serverStream } from '@mailx/grpc/stream'
import type { Notification, SubscribeRequest } from '@mailx/proto/client/v1/client_service'
import { objective } from '@mailx/telemetry/metrics'
import { isSampled } from '@mailx/telemetry/propagation'
import { startSpan } from '@mailx/telemetry/tracer'
import { SpanKind } from '@opentelemetry/api'
import type { GatewayDeps } from './gateway-deps.ts'
import { openStreams } from './open-streams.ts'

const notifyLatency = objective({
  name: 'mailx_gateway_notify_seconds',
  help: 'From the acceptance of a message to its push to an open stream.',
  labelNames: [],
})

type Deps = Pick<GatewayDeps, 'hub' | 'sessions' | 'limits' | 'now'>

/**
 * What changes in the session's mailbox from now on. The first notification is a resync: what changes
 * after it is pushed, what was before it is listed. Ends with the session.
 */
export const subscribe = ({ hub, sessions, limits, now }: Deps) =>
  serverStream<SubscribeRequest, Notification>(async (_request, { call, write, signal }) => {
    const session = sessions.require(call)
    await limits.call(session)
    const over = new AbortController()
    const ended = AbortSignal.any([signal, over.signal])
    const unwatch = sessions.watch(session, (reason) => over.abort(reason))
    const subscriber = hub.subscribe(session.address)
    // By itself, so that nothing of what was pushed is held while this waits for more.
    const pushAll = async () => {
      for (const notification of subscriber.take()) {
        if (ended.aborted) break
        const full = write(notification)
        if (notification.event?.$case === 'entry') crashAt('gateway.after-push')
        observe(notification, now())
        if (full !== undefined) await full
      }
    }
    ended.addEventListener('abort', subscriber.wake, { once: true })
    openStreams.inc({ kind: 'subscribe' })
    try {
      while (!ended.aborted) {
        await subscriber.wait()
        await pushAll()
      }
    } finally {
      openStreams.dec({ kind: 'subscribe' })
      subscriber.stop()
      unwatch()
    }
    if (over.signal.reason instanceof MailxError) throw over.signal.reason
  })

/** The last step of a message's trace, and how long the message took from acceptance to here. */
function observe({ event, traceparent }: Notification, now: number): void {
  if (isSampled(traceparent)) {
    const attributes = {
      'messaging.system': 'mailx',
      'messaging.operation.type': 'send',
      'messaging.operation.name': 'push',
      'messaging.destination.name': 'mailbox',
      'mailx.notification': event?.$case ?? '',
    }
    startSpan('push', { kind: SpanKind.PRODUCER, parent: traceparent, attributes }).end()
  }
  if (event?.$case !== 'entry') return
  const { flags, deleted, receivedAtUnixMs } = event.value
  if (flags.length > 0 || deleted) return
  notifyLatency.observe({}, (now - Number(receivedAtUnixMs)) / 1000, traceparent)
}
