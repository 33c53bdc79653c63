import { MailxError } from '@mailx/errors/mailx-error'
import type { Usage, Usages, Watch } from './processes.ts'

const ANSWER_WITHIN_MS = 2_000

/** A process that tells by its /metrics what it uses. */
export type Metered = { readonly name: string; readonly url: string }

/** "gateway=http://10.0.0.7:9090", with or without /metrics. Throws INVALID_ARGUMENT. */
export function parseMetered(text: string): Metered {
  const [, name = '', address = ''] = /^([^=]+)=(https?:\/\/.+)$/.exec(text) ?? []
  if (name === '' || !URL.canParse(address)) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      `--metrics is "${text}": write a name and where its metrics are: gateway=http://10.0.0.7:9090`,
    )
  }
  const url = new URL(address)
  if (url.pathname === '/') url.pathname = '/metrics'
  return { name, url: url.href }
}

/** Asks each for its CPU time and memory. One that does not answer in time is left out. */
export function metricsWatch(metered: readonly Metered[]): Watch {
  return async () => {
    const found = await Promise.all(
      metered.map(async ({ name, url }): Promise<[string, Usage][]> => {
        const usage = await usageAt(url)
        return usage === undefined ? [] : [[name, usage]]
      }),
    )
    return Object.fromEntries(found.flat()) satisfies Usages
  }
}

async function usageAt(url: string): Promise<Usage | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
    return answer.ok ? usageIn(await answer.text()) : undefined
  } catch {
    return undefined
  }
}

/** What a page of metrics says of its process; undefined when it does not. */
export function usageIn(page: string): Usage | undefined {
  const seconds = valueOf(page, 'process_cpu_seconds_total')
  const rssBytes = valueOf(page, 'process_resident_memory_bytes')
  if (seconds === undefined || rssBytes === undefined) return undefined
  return { cpuMicros: Math.round(seconds * 1e6), rssBytes }
}

function valueOf(page: string, metric: string): number | undefined {
  const text = new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(page)?.[1]
  const value = Number(text)
  return text === undefined || Number.isNaN(value) ? undefined : value
}
