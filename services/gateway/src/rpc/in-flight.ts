import { crashAt } from '@mailx/config/crash-at'
import type { SubmitResult, SubmitStreamResponse } from '@mailx/proto/client/v1/client_service'
import type { Undecided } from './undecided.ts'

const WINDOW_SUBMISSIONS = 2_000
const WINDOW_BYTES = 8 * 1024 * 1024

type Write = (response: SubmitStreamResponse) => Promise<void> | undefined

/** Submissions on their way, from frame to written result. Once writing fails, all of it fails. */
export function inFlight(write: Write, undecided: Undecided) {
  let count = 0
  let bytes = 0
  let decided: { readonly result: SubmitResult; readonly size: number }[] = []
  let writing: Promise<void> | undefined
  let failure: { readonly error: unknown } | undefined
  let wake: (() => void) | undefined

  return {
    add(size: number, result: Promise<SubmitResult>): void {
      count += 1
      bytes += size
      undecided.add(size)
      void result.then((value) => {
        undecided.remove(size)
        decided.push({ result: value, size })
        writing ??= writeDecided()
      })
    },
    async room(): Promise<void> {
      await until(() => count < WINDOW_SUBMISSIONS && bytes < WINDOW_BYTES)
      await undecided.room()
    },
    drained: () => until(() => count === 0),
  }

  async function writeDecided(): Promise<void> {
    // What else is decided in this turn of the event loop goes along.
    await new Promise(setImmediate)
    try {
      while (decided.length > 0) {
        const batch = decided
        decided = []
        const full = write({ results: batch.map(({ result }) => result) })
        crashAt('gateway.after-answer')
        if (full !== undefined) await full
        count -= batch.length
        for (const { size } of batch) bytes -= size
        wake?.()
      }
    } catch (error) {
      failure = { error }
      wake?.()
    }
    writing = undefined
  }

  async function until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (failure !== undefined) throw failure.error
      if (condition()) return
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
}
