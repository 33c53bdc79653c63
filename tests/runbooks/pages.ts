import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { metricTypes } from '@mailx/telemetry/metric-names'

const folder = join(import.meta.dirname, '..', '..', 'docs', 'runbooks')

export const pages = (): string[] =>
  readdirSync(folder).flatMap((file) =>
    file.endsWith('.md') && file !== 'README.md' ? [file.slice(0, -'.md'.length)] : [],
  )

export const pageText = (page: string): string => readFileSync(join(folder, `${page}.md`), 'utf8')

/** The commands below "First". */
export function firstCommandsOf(page: string): string[] {
  const [, first = ''] = /## First\n\n((?: {4}.*\n)+)/.exec(pageText(page)) ?? []
  return first
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}

/** The metrics that a page names. */
export const metricsOf = (page: string): string[] => [
  ...new Set(pageText(page).match(/\b(?:mailx|nodejs|rpc)_[a-z0-9_]+/g) ?? []),
]

export const isRegistered = (name: string): boolean =>
  name in metricTypes || name.replace(/_(bucket|sum|count)$/, '') in metricTypes
