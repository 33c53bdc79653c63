import type { Notification } from '@mailx/proto/client/v1/client_service'
import type { MailboxChange } from '@mailx/proto/storage/v1/storage_service'
import { counter } from '@mailx/telemetry/metrics'

/** What waits for one open stream. */
export type Subscriber = {
  /** Resolves when something is there, or after `wake`. One waiter at a time. */
  wait(): Promise<void>
  /** Whoever waits, waits no longer. */
  wake(): void
  /** Everything that waits, in order. */
  take(): readonly Notification[]
  stop(): void
}

export type PushHub = {
  subscribe(mailbox: string): Subscriber
  push(changes: readonly MailboxChange[]): void
  /** Announcements may have been missed: every stream is told to list. */
  resync(): void
}

/** What may wait for a slow reader; then it is told to list with its cursor instead. */
const MAX_WAITING = 1_000

const overflows = counter({
  name: 'mailx_gateway_resyncs_total',
  help: 'Streams that were told to list, because they read too slowly or NATS was away.',
  labelNames: ['reason'],
})

/** The open streams of this process, by mailbox. */
export function pushHub(): PushHub {
  const byMailbox = new Map<string, Set<Queue>>()

  return {
    subscribe(mailbox) {
      const queue = notificationQueue()
      const queues = byMailbox.get(mailbox) ?? new Set()
      byMailbox.set(mailbox, queues.add(queue))
      const stop = () => {
        queues.delete(queue)
        if (queues.size === 0 && byMailbox.get(mailbox) === queues) byMailbox.delete(mailbox)
      }
      return { wait: queue.wait, wake: queue.wake, take: queue.take, stop }
    },
    push(changes) {
      for (const change of changes) {
        if (change.mailbox === '') resyncAll()
        const queues = byMailbox.get(change.mailbox)
        if (queues === undefined) continue
        const notification = notificationOf(change)
        for (const queue of queues) queue.add(notification)
      }
    },
    resync: resyncAll,
  }

  function resyncAll(): void {
    for (const queues of byMailbox.values()) {
      for (const queue of queues) queue.resync('announcements missed')
    }
  }
}

type Queue = ReturnType<typeof notificationQueue>

const resyncNotification: Notification = {
  event: { $case: 'resync', value: {} },
  traceparent: '',
}

function notificationQueue() {
  // The first thing a stream says: from here on every change is pushed, so list now.
  let waiting: Notification[] = [resyncNotification]
  let wake: (() => void) | undefined

  const resync = (reason: string) => {
    if (waiting[0] !== resyncNotification) overflows.inc({ reason })
    waiting = [resyncNotification]
    wake?.()
  }
  return {
    resync,
    add(notification: Notification) {
      if (waiting[0] === resyncNotification) return
      if (waiting.length >= MAX_WAITING) {
        resync('slow reader')
        return
      }
      waiting.push(notification)
      wake?.()
    },
    take(): readonly Notification[] {
      const taken = waiting
      waiting = []
      return taken
    },
    wake: () => wake?.(),
    wait(): Promise<void> {
      return new Promise((resolve) => {
        if (waiting.length > 0) resolve()
        else wake = resolve
      })
    },
  }
}

function notificationOf({ entry, status, traceparent }: MailboxChange): Notification {
  if (entry) return { event: { $case: 'entry', value: entry }, traceparent }
  if (status) return { event: { $case: 'status', value: status }, traceparent }
  return { event: { $case: 'resync', value: {} }, traceparent }
}
