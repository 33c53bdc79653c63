import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { metricTypes, seriesNames } from '@mailx/telemetry/metric-names'
import { expect, test } from 'vitest'
import { alertGroups } from './alerts.ts'
import { dashboards } from './dashboards.ts'
import { foreignMetrics } from './foreign-metrics.ts'
import { generatedFiles } from './generated-files.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const rules = Object.values(alertGroups).flat()
const queries = dashboards.flatMap(({ rows }) =>
  rows.flatMap(({ panels }) => panels.flatMap((panel) => panel.queries)),
)
const expressions = [...queries.map(({ expr }) => expr), ...rules.map(({ expr }) => expr)]

/** The metrics that an expression selects: names of ours, outside of strings. */
const namesIn = (expr: string): string[] =>
  expr
    .replace(/"[^"]*"/g, '""')
    .match(/\b(mailx|rpc_client|rpc_server|nodejs|process|node|kubelet)_\w+/g) ?? []

test('the chart has what is described here', () => {
  for (const [path, text] of generatedFiles()) {
    expect(readFileSync(join(root, path), 'utf8'), 'npm run dashboards -- generate').toBe(text)
  }
})

test('every expression names metrics, and only such as are registered', () => {
  const known = new Set([...seriesNames(), ...foreignMetrics])
  expect(expressions.filter((expr) => namesIn(expr).length === 0)).toEqual([])
  expect(expressions.flatMap(namesIn).filter((name) => !known.has(name))).toEqual([])
})

test('a counter is only looked at by its growth', () => {
  const gauges = new Set([
    ...Object.entries(metricTypes).flatMap(([n, t]) => (t === 'gauge' ? [n] : [])),
    ...foreignMetrics.filter((name) => !name.endsWith('_total')),
  ])
  const still = expressions.filter((expr) =>
    namesIn(expr)
      .filter((name) => !gauges.has(name))
      .some((name) => !new RegExp(`${name}(\\{[^}]*\\})?\\[`).test(expr)),
  )
  expect(still).toEqual([])
})

test('every alert has a sentence and a runbook that is there', () => {
  for (const { summary } of rules) expect(summary).toMatch(/\.$/)
  const pages = new Set(rules.map(({ runbook }) => join(root, 'docs', 'runbooks', `${runbook}.md`)))
  expect([...pages].filter((page) => !existsSync(page))).toEqual([])
})

test('every metric of MailX itself is on a dashboard or in an alert', () => {
  const used = new Set(
    expressions.flatMap(namesIn).map((name) => name.replace(/_(bucket|sum|count)$/, '')),
  )
  const unseen = Object.keys(metricTypes).filter(
    (name) => name.startsWith('mailx_') && !used.has(name),
  )
  expect(unseen).toEqual([])
})
