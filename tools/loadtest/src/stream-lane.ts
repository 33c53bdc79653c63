import type { Account } from '@mailx/client/account'
import { withSession } from '@mailx/client/session'
import type { SubmitStream } from '@mailx/client/transport'
import { MailxError } from '@mailx/errors/mailx-error'
import type { SubmitResult } from '@mailx/proto/client/v1/client_service'
import type { Lane, LaneEvents, LaneOptions } from './lane.ts'
import { keyOf, type Message } from './message.ts'
import { codeOf, isPassing, needsSession, waitBefore } from './passing.ts'

const MAX_FRAME_BYTES = 1024 * 1024

/**
 * One stream of submissions, opened at once and again whenever it is lost. Messages leave in the order
 * of their numbers. Those without an answer are handed over again on the next stream, before any newer
 * one: the server takes each id once, so nothing is sent twice.
 */
export function streamLane(account: Account, events: LaneEvents, options: LaneOptions): Lane {
  let waiting: Message[] = []
  const unanswered = new Map<string, Message>()
  const stop = new AbortController()
  const stopped = () => stop.signal.aborted
  let resumeAt = 0
  let tries = 0
  let heardAt = performance.now()
  let current: AbortController | undefined
  let wake: (() => void) | undefined

  const ended = (async () => {
    while (!stopped()) {
      const lost = new AbortController()
      current = lost
      try {
        const stream = account.transport.submitStream({
          ...(await withSession(account)),
          signal: lost.signal,
        })
        const reading = read(stream).finally(() => lost.abort())
        // The reason comes out of the promise below; until then nobody else waits for it.
        reading.catch(() => {})
        await writeTo(stream, lost.signal)
        await reading
      } catch (error) {
        lost.abort()
        if (!stopped()) await recover(codeOf(error))
      }
    }
  })()

  return {
    push(messages) {
      for (const message of messages) waiting.push(message)
      wake?.()
    },
    check(now) {
      if (unanswered.size > 0 && now - heardAt > options.answerWithinMs) current?.abort()
    },
    async close() {
      stop.abort()
      wake?.()
      const timer = setTimeout(() => current?.abort(), 2_000)
      await ended
      clearTimeout(timer)
    },
  }

  async function writeTo(stream: SubmitStream, lost: AbortSignal): Promise<void> {
    let full = false
    const ready = () => {
      full = false
      wake?.()
    }
    lost.addEventListener('abort', ready, { once: true })
    while (!stopped() && !lost.aborted) {
      const rest = resumeAt - performance.now()
      if (full || waiting.length === 0 || rest > 0) {
        await woken(full || waiting.length === 0 ? undefined : rest)
        continue
      }
      const frame = takeFrame()
      const again = frame.filter(({ attempts }) => attempts > 0)
      if (again.length > 0) events.resending(again)
      if (unanswered.size === 0) heardAt = performance.now()
      for (const message of frame) {
        message.attempts += 1
        unanswered.set(message.key, message)
      }
      full = true
      // A stream that fails says so to its reader, too.
      stream.send(frame.map(({ submission }) => submission)).then(ready, ready)
    }
    stream.end()
  }

  async function read(stream: SubmitStream): Promise<void> {
    for await (const results of stream.results) {
      heardAt = performance.now()
      takeResults(results)
    }
    if (!stopped()) throw new MailxError('UNAVAILABLE', 'the server ended the stream')
  }

  function takeResults(results: readonly SubmitResult[]): void {
    const again: Message[] = []
    for (const { messageId, code, retryAfterMs } of results) {
      const key = keyOf(messageId)
      const message = unanswered.get(key)
      if (message === undefined) continue
      unanswered.delete(key)
      if (code === '') events.accepted(message)
      else if (isPassing(code)) {
        events.putOff(message, code)
        if (needsSession(code)) account.session = undefined
        resumeAt = Math.max(resumeAt, performance.now() + waitBefore(tries, retryAfterMs))
        again.push(message)
      } else events.refused(message, code)
    }
    if (again.length === 0) {
      tries = 0
      return
    }
    tries += 1
    putBack(again)
  }

  async function recover(code: string): Promise<void> {
    events.trouble(code)
    if (needsSession(code)) account.session = undefined
    putBack([...unanswered.values()])
    unanswered.clear()
    const until = performance.now() + waitBefore(tries)
    tries += 1
    while (!stopped() && performance.now() < until) await woken(until - performance.now())
  }

  function putBack(messages: readonly Message[]): void {
    waiting = [...messages, ...waiting].toSorted((a, b) => a.number - b.number)
    wake?.()
  }

  function takeFrame(): Message[] {
    let bytes = 0
    let count = 0
    for (const { submission } of waiting) {
      bytes += submission.content.length
      if (count > 0 && (count >= options.frame || bytes > MAX_FRAME_BYTES)) break
      count += 1
    }
    return waiting.splice(0, count)
  }

  /** Resolves when something changed, or after the time. */
  function woken(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, Math.max(1, ms))
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
