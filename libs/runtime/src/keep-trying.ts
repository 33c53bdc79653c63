import { MailxError } from '@mailx/errors/mailx-error'
import type { Logger } from '@mailx/telemetry/logger'

export type Attempt<Result> = {
  /** What to tell the operator: what fails and what to do. */
  readonly trouble: string
  readonly attempt: () => Promise<Result>
  /** Whether waiting may mend it. */
  readonly passes: (error: unknown) => boolean
}

export type Waiting = { readonly logger: Logger; readonly signal: AbortSignal }

const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 5_000
const REMIND_EVERY_MS = 60_000

/**
 * Tries until it works: one line tells of the trouble, one a minute reminds, one says that it is over.
 * Rejects with an error that does not pass, or when `signal` fires.
 */
export async function keepTrying<Result>(
  { trouble, attempt, passes }: Attempt<Result>,
  { logger, signal }: Waiting,
): Promise<Result> {
  let toldAt: number | undefined
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted()
    try {
      const result = await attempt()
      if (toldAt !== undefined) logger.info({ tries }, `over: ${trouble}`)
      return result
    } catch (error) {
      if (!passes(error)) throw error
      if (toldAt === undefined || performance.now() - toldAt > REMIND_EVERY_MS) {
        toldAt = performance.now()
        logger.warn({ err: error, tries }, `${trouble}; trying again`)
      }
    }
    await wait(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(tries - 1, 10)), signal)
  }
}

/** Something is not there yet: waiting may mend it. */
export const isAway = (error: unknown): boolean =>
  error instanceof MailxError &&
  (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED')

/** Up to `longestMs`, at random, so that replicas do not knock together. */
async function wait(longestMs: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, longestMs * (0.5 + Math.random() / 2))
  const cut = () => resolve()
  signal.addEventListener('abort', cut, { once: true })
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', cut)
}
