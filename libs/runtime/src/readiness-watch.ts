import { setProcessReady } from '@mailx/grpc/health'
import type { Logger } from '@mailx/telemetry/logger'
import { gauge } from '@mailx/telemetry/metrics'
import type { Readiness } from './readiness.ts'

const LOOK_EVERY_MS = 1_000
const backends = ['postgres', 'nats', 'redis']

const backendUp = gauge({
  name: 'mailx_backend_up',
  help: '1 while the server answers this process.',
  labelNames: ['backend'],
})

const buildInfo = gauge({
  name: 'mailx_build_info',
  help: 'Always 1; the labels tell what runs.',
  labelNames: ['version', 'node'],
})

/** Of the release, as the image names it. */
export const version = (): string => process.env['MAILX_VERSION'] ?? 'development'

/**
 * Carries readiness to where it is needed without being asked for: `grpc.health.v1` of every server of
 * the process, the metric `mailx_ready`, and a log line for each change that names what is wrong.
 */
export function watchReadiness(readiness: () => Readiness, logger: Logger): { stop: () => void } {
  buildInfo.set({ version: version(), node: process.versions.node }, 1)
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
    for (const backend of backends) {
      const check = checks.find(({ name }) => name === backend)
      if (check !== undefined) backendUp.set({ backend }, check.ok ? 1 : 0)
    }
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
