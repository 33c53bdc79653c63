import type { Trouble } from '@mailx/telemetry/recent-troubles'
import type { OpsPort } from './ops-ports.ts'
import { parsePrometheus, type Sample } from './parse-prometheus.ts'

type Check = {
  readonly name: string
  readonly ok: boolean
  readonly detail?: string
  readonly optional?: boolean
}

/** What a process says of itself on its ops port. */
export type ServiceReport = {
  /** Where it was asked; in Kubernetes its pod. */
  readonly url: string
  /** Undefined when it did not answer. */
  readonly service: string | undefined
  readonly version: string
  readonly ready: boolean
  /** What is wrong, one entry for each. */
  readonly wrong: readonly string[]
  readonly samples: readonly Sample[]
  /** The last warnings and errors, the last one first. */
  readonly troubles: readonly Trouble[]
}

/** Asks every process at once; one that does not answer is a report, too. */
export const readServices = (ports: readonly OpsPort[]): Promise<ServiceReport[]> =>
  Promise.all(ports.map(readService))

async function readService({ get, url }: OpsPort): Promise<ServiceReport> {
  try {
    const pages = ['/readyz', '/metrics', '/troubles'].map(get)
    const [readiness = '', metrics = '', troubles = ''] = await Promise.all(pages)
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
      troubles: troublesOf(troubles),
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const wrong = [`does not answer: ${why}`]
    return { url, service: undefined, version: '', ready: false, wrong, samples: [], troubles: [] }
  }
}

/** A process of a version that does not tell them answers in plain text. */
const troublesOf = (page: string): Trouble[] =>
  page.startsWith('[') ? (JSON.parse(page) as Trouble[]) : []
