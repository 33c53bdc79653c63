import { MailxError } from '@mailx/errors/mailx-error'
import type { Logger } from '@mailx/telemetry/logger'

/** Ends the process with 1 and one clear text: as a log line once there is a log, else on stderr. */
export function failProgram(name: string, error: unknown, logger: Logger | undefined): never {
  const message = error instanceof MailxError ? error.message : String(error)
  if (logger === undefined) process.stderr.write(`${name} cannot start: ${message}\n`)
  else logger.fatal({ err: error }, `${name} ends: ${message}`)
  process.exit(1)
}
