import { parsePrometheus, type Sample } from './parse-prometheus.ts'

type Check = {
  readonly name: string
  readonly ok: boolean
  readonly detail?: string
  readonly optional?: boolean
}

/** What a process says of itself on its ops port. */
export type ServiceReport = {
  readonly url: string
  /** Undefined when it did not answer. */
  readonly service: string | undefined
  readonly version: string
  readonly ready: boolean
  /** What is wrong, one entry for each. */
  readonly wrong: readonly string[]
  readonly samples: readonly Sample[]
}

const TIMEOUT_MS = 5_000

/** Asks every process at once; one that does not answer is a report, too. */
export const readServices = (urls: readonly string[]): Promise<ServiceReport[]> =>
  Promise.all(urls.map(readService))

async function readService(url: string): Promise<ServiceReport> {
  try {
    const [readiness, metrics] = await Promise.all([get(`${url}/readyz`), get(`${url}/metrics`)])
    const { checks, ready } = JSON.parse(readiness) as { ready: boolean; checks: Check[] }
    const samples = parsePrometheus(metrics)
    const build = samples.find(({ name }) => name === 'mailx_build_info')
    const wrong = checks.filter(({ ok }) => !ok)
    return {
      url,
      service: build?.labels['service'] ?? 'unknown',
      version: build?.labels['version'] ?? 'unknown',
      ready,
      wrong: wrong.map(
        ({ detail = 'fails', name, optional }) =>
          `${name}: ${detail}${optional === true ? ' (it works without)' : ''}`,
      ),
      samples,
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const wrong = [`does not answer: ${why}`]
    return { url, service: undefined, version: '', ready: false, wrong, samples: [] }
  }
}

async function get(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  return response.text()
}
