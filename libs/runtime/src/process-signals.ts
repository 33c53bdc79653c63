import { MailxError } from '@mailx/errors/mailx-error'
import type { Logger } from '@mailx/telemetry/logger'

/** Fires at the first SIGTERM or SIGINT; the second ends the process at once. */
export function stopSignal(logger: Logger): AbortSignal {
  const controller = new AbortController()
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      logger.warn({ signal }, 'told twice to stop: ending at once')
      process.exit(signal === 'SIGINT' ? 130 : 143)
    }
    controller.abort(new MailxError('UNAVAILABLE', 'the process is stopping'))
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return controller.signal
}

/** Ends the process with 1 when it is still there so long after the signal has fired. */
export function cutAfter(
  stopping: AbortSignal,
  graceMs: number,
  logger: Logger,
): { clear: () => void } {
  let timer: NodeJS.Timeout | undefined
  const arm = () => {
    timer = setTimeout(() => {
      logger.error('did not stop within SHUTDOWN_GRACE_MS: ending at once')
      process.exit(1)
    }, graceMs)
  }
  stopping.addEventListener('abort', arm, { once: true })
  return { clear: () => clearTimeout(timer) }
}

/** Resolves when the signal fires. */
export async function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  await promise
}

/** An error that nobody caught leaves a state nobody knows: it is logged and ends the process. */
export function dieOfStrays(logger: Logger): void {
  const die = (error: unknown) => {
    logger.fatal({ err: error }, 'an error nobody caught; ending')
    process.exit(1)
  }
  process.on('unhandledRejection', die)
  process.on('uncaughtException', die)
}

/** What Node warns of is a line of the log as any other, not words on stderr that nothing reads. */
export function logWarnings(logger: Logger): void {
  process.removeAllListeners('warning')
  process.on('warning', (warning) => logger.warn({ err: warning }, 'Node warns'))
}
