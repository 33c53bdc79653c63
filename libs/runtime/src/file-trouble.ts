import type { OnTrouble } from '@mailx/config/last-good'
import type { Logger } from '@mailx/telemetry/logger'

/** Logs, once each, that what `name` says of a file became worthless, and that it is good again. */
export const tellFileTrouble =
  (logger: Logger) =>
  (name: string): OnTrouble =>
  (trouble) => {
    if (trouble === undefined) logger.info(`${name} is good again`)
    else logger.error({ trouble }, `${name} is no good, what it held before stays in use`)
  }
