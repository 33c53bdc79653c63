import type { Account } from '@mailx/client/account'
import { withSession } from '@mailx/client/session'
import type { SubmitStream } from '@mailx/client/transport'
import { toHex } from '@mailx/crypto/encoding'
import type { Submission } from '@mailx/proto/client/v1/client_service'
import { build, type Histogram } from 'hdr-histogram-js'

/** A sealed message, ready to go, with who will hear of it. */
export type Prepared = { readonly sender: Account; readonly submission: Submission }

export type LoadResult = {
  readonly messages: number
  /** How many by code. */
  readonly refused: Readonly<Record<string, number>>
  readonly seconds: number
  readonly notifiedPerSecond: number
  readonly acceptedPerSecond: number
  readonly submitToAcceptedMs: Percentiles
  readonly submitToNotifiedMs: Percentiles
}

export type Percentiles = { readonly p50: number; readonly p99: number; readonly max: number }

export type Pace =
  /** Open loop: message n leaves at n / rate, whatever became of the others. */
  | { readonly kind: 'rate'; readonly perSecond: number }
  /** As fast as it goes with this many unanswered. */
  | { readonly kind: 'window'; readonly inFlight: number; readonly frame: number }

/**
 * Submits all messages over one stream per sender and waits until each recipient was notified.
 * Latency counts from the time at which a message should have left, so a slow server cannot hide
 * behind a waiting sender. Rejects after `timeoutMs`, naming how many are missing.
 */
export async function runLoad(input: {
  readonly messages: readonly Prepared[]
  readonly recipients: readonly Account[]
  readonly pace: Pace
  readonly timeoutMs: number
}): Promise<LoadResult> {
  const { messages, recipients, pace } = input
  const due = new Map<string, number>()
  const accepted = build({ highestTrackableValue: 600_000_000 })
  const notified = build({ highestTrackableValue: 600_000_000 })
  const done = Promise.withResolvers<void>()
  const abort = new AbortController()
  const timer = setTimeout(() => {
    done.reject(
      new Error(`${messages.length - notified.totalCount} of ${messages.length} were not notified`),
    )
  }, input.timeoutMs)
  let refused = 0
  const refusals = new Map<string, number>()
  let lastAccepted = 0
  let lastNotified = 0
  const since = (id: string) => Math.round((performance.now() - (due.get(id) ?? 0)) * 1000)
  const finishIfAll = () => {
    if (notified.totalCount + refused >= messages.length) done.resolve()
  }

  const listening = await Promise.all(
    recipients.map((recipient) =>
      listen(recipient, abort.signal, (messageId) => {
        const id = toHex(messageId)
        if (!due.has(id)) return
        notified.recordValue(since(id))
        lastNotified = performance.now()
        finishIfAll()
      }),
    ),
  )
  const window = slots(pace.kind === 'window' ? pace.inFlight : Number.POSITIVE_INFINITY)
  const streams = await openStreams(
    messages,
    (messageId, code) => {
      const id = toHex(messageId)
      window.release()
      if (code === '') accepted.recordValue(since(id))
      else {
        refused += 1
        refusals.set(code, (refusals.get(code) ?? 0) + 1)
      }
      lastAccepted = performance.now()
      finishIfAll()
    },
    done.reject,
  )

  const start = performance.now()
  for (const frame of framesOf(messages, pace)) {
    const at = await frame.due(start)
    await window.take(frame.messages.length)
    for (const { submission } of frame.messages) {
      due.set(toHex(submission.messageId), at ?? performance.now())
    }
    await streams.get(frame.sender)?.stream.send(frame.messages.map(({ submission }) => submission))
  }
  try {
    await done.promise
  } finally {
    clearTimeout(timer)
    for (const { stream } of streams.values()) stream.end()
    abort.abort()
    const readers = [...streams.values()].map(({ decided }) => decided)
    await Promise.allSettled([...readers, ...listening.map(({ ended }) => ended)])
  }
  return {
    messages: messages.length,
    refused: Object.fromEntries(refusals),
    seconds: round((lastNotified - start) / 1000),
    acceptedPerSecond: Math.round((accepted.totalCount / (lastAccepted - start)) * 1000),
    notifiedPerSecond: Math.round((notified.totalCount / (lastNotified - start)) * 1000),
    submitToAcceptedMs: percentiles(accepted),
    submitToNotifiedMs: percentiles(notified),
  }
}

/** Subscribes, and resolves when the server says that from now on every change is pushed. */
async function listen(
  account: Account,
  signal: AbortSignal,
  onEntry: (messageId: Uint8Array) => void,
): Promise<{ readonly ended: Promise<void> }> {
  const notifications = account.transport.subscribe({ ...(await withSession(account)), signal })
  const open = Promise.withResolvers<void>()
  const ended = (async () => {
    for await (const { event } of notifications) {
      if (event?.$case === 'entry') onEntry(event.value.messageId)
      else if (event?.$case === 'resync') open.resolve()
    }
  })()
  ended.catch(open.reject)
  await open.promise
  return { ended }
}

type OpenStream = {
  readonly stream: SubmitStream
  /** Resolves when the server has decided all and ended the stream. */
  readonly decided: Promise<void>
}

async function openStreams(
  messages: readonly Prepared[],
  onResult: (messageId: Uint8Array, code: string) => void,
  onFailure: (error: unknown) => void,
): Promise<Map<Account, OpenStream>> {
  const streams = new Map<Account, OpenStream>()
  for (const { sender } of messages) {
    if (streams.has(sender)) continue
    const stream = sender.transport.submitStream(await withSession(sender))
    const decided = (async () => {
      for await (const results of stream.results) {
        for (const { messageId, code } of results) onResult(messageId, code)
      }
    })()
    decided.catch(onFailure)
    streams.set(sender, { stream, decided })
  }
  return streams
}

type Frame = {
  readonly sender: Account
  readonly messages: readonly Prepared[]
  /** Waits until the frame should leave; the time it should have left, for a fixed rate. */
  readonly due: (start: number) => Promise<number | undefined>
}

function* framesOf(messages: readonly Prepared[], pace: Pace): Generator<Frame> {
  if (pace.kind === 'rate') {
    for (const [index, message] of messages.entries()) {
      yield {
        sender: message.sender,
        messages: [message],
        due: (start) => waitUntil(start + (index * 1000) / pace.perSecond),
      }
    }
    return
  }
  const bySender = Map.groupBy(messages, ({ sender }) => sender)
  const queues = [...bySender].map(([sender, own]) => ({ sender, own: [...own] }))
  while (queues.some(({ own }) => own.length > 0)) {
    for (const { sender, own } of queues) {
      const frame = own.splice(0, pace.frame)
      if (frame.length > 0) yield { sender, messages: frame, due: async () => undefined }
    }
  }
}

async function waitUntil(at: number): Promise<number> {
  const wait = at - performance.now()
  if (wait > 0.5) await new Promise((resolve) => setTimeout(resolve, wait))
  return at
}

/** A counting semaphore; one taker at a time. */
function slots(capacity: number) {
  let free = capacity
  let waiting: { readonly count: number; readonly go: () => void } | undefined
  return {
    async take(count: number) {
      if (free < count) {
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting = { count, go: resolve }
        await promise
      }
      free -= count
    },
    release() {
      free += 1
      if (waiting === undefined || free < waiting.count) return
      waiting.go()
      waiting = undefined
    },
  }
}

const round = (value: number) => Math.round(value * 100) / 100

const percentiles = (histogram: Histogram): Percentiles => ({
  p50: round(histogram.getValueAtPercentile(50) / 1000),
  p99: round(histogram.getValueAtPercentile(99) / 1000),
  max: round(histogram.maxValue / 1000),
})
