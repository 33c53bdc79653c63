import { setProcessReady } from '@mailx/grpc/health'
import type { Logger } from '@mailx/telemetry/logger'
import { gauge } from '@mailx/telemetry/metrics'
import type { Readiness } from './readiness.ts'

const LOOK_EVERY_MS = 1_000

/**
 * Carries readiness to where it is needed without being asked for: `grpc.health.v1` of every server of
 * the process, the metric `mailx_ready`, and a log line for each change that names what is wrong.
 */
export function watchReadiness(readiness: () => Readiness, logger: Logger): { stop: () => void } {
  let ready = false
  let wasReady = false
  gauge({
    name: 'mailx_ready',
    help: '1 while the process can do its work.',
    collect() {
      this.set(ready ? 1 : 0)
    },
  })
  const look = () => {
    const { ready: now, checks } = readiness()
    if (now !== ready) {
      const wrong = checks.filter(({ ok, optional }) => !ok && optional !== true)
      if (now) logger.info(wasReady ? 'ready again' : 'ready')
      else logger.warn({ wrong }, 'not ready')
      wasReady ||= now
      ready = now
    }
    setProcessReady(now)
  }
  look()
  const timer = setInterval(look, LOOK_EVERY_MS)
  return {
    stop: () => {
      clearInterval(timer)
      setProcessReady(false)
    },
  }
}
