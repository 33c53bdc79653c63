import type { Rejection } from '@mailx/federation/peer-listener'
import type { Logger } from '@mailx/telemetry/logger'
import { counter } from '@mailx/telemetry/metrics'

const rejected = counter({
  name: 'mailx_inbound_rejections_total',
  help: 'Connections of peers that were ended, by the code of the reason.',
  labelNames: ['code'],
})

const PER_MINUTE = 60
const MINUTE_MS = 60_000

/** Counts every rejection and logs the first ones of each minute: strangers must not fill the log. */
export function rejectionLog(logger: Logger): (rejection: Rejection) => void {
  let minute = 0
  let logged = 0
  return ({ reason, remoteAddress }) => {
    rejected.inc({ code: reason.code })
    const current = Math.floor(performance.now() / MINUTE_MS)
    if (current !== minute) {
      minute = current
      logged = 0
    }
    logged += 1
    if (logged > PER_MINUTE) return
    const { code, message } = reason
    logger.warn({ code, reason: message, remote: remoteAddress }, 'refused a connection of a peer')
  }
}
