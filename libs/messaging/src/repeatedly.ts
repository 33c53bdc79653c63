import { setTimeout as delay } from 'node:timers/promises'

export type Repetition = { stop(): Promise<void> }

/**
 * Runs `work` again and again with a pause in between, never twice at a time. A failure is told and
 * the next run comes as usual. `stop` waits for the run that is under way.
 */
export function repeatedly(
  pauseMs: number | (() => number),
  work: () => Promise<void>,
  onFailure: (error: unknown) => void,
): Repetition {
  const stopping = new AbortController()
  const running = loop()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }

  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      await work().catch(onFailure)
      const pause = typeof pauseMs === 'number' ? pauseMs : pauseMs()
      await delay(pause, undefined, { signal: stopping.signal, ref: false }).catch(() => {})
    }
  }
}
