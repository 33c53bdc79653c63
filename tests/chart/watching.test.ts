import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { chartDir } from '@mailx/chart-tool/chart-files'
import { foreignMetrics } from '@mailx/dashboards-tool/foreign-metrics'
import { seriesNames } from '@mailx/telemetry/metric-names'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { profile } from './helm.ts'
import { type Manifest, ofKind, render } from './manifest.ts'
import { readQuery } from './promql.ts'

const root = join(chartDir, '../..')
const apis = ['ServiceMonitor', 'PrometheusRule'].map((kind) => `monitoring.coreos.com/v1/${kind}`)

type Rule = {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
}

/** What Prometheus says of every target by itself. */
const builtIn = ['up']

let manifests: readonly Manifest[]
beforeAll(async () => {
  manifests = await render({ values: [profile('large')], apis })
})

const fail = (what: string): never => {
  throw new Error(what)
}

const rules = (): Rule[] =>
  ofKind(manifests, 'PrometheusRule').flatMap(({ spec }) =>
    (spec.groups as { rules: Rule[] }[]).flatMap((group) => group.rules),
  )

/** Every query of a dashboard, wherever it stands in it. */
function queriesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(queriesIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'expr' && typeof inner === 'string') return [inner]
    // What a variable of a dashboard is filled from.
    const [, series] =
      key === 'query' ? (/label_values\((.+),\s*\w+\)/.exec(String(inner)) ?? []) : []
    return series === undefined ? queriesIn(inner) : [series]
  })
}

const dashboards = (): (readonly [string, string])[] =>
  ofKind(manifests, 'ConfigMap')
    .filter(({ metadata }) => metadata.name.includes('-dashboard-'))
    .flatMap(({ data }) => Object.entries(data as Record<string, string>))

const filesIn = (folder: string) => globSync(`${folder}/*.*`, { cwd: chartDir })

describe('PromQL', () => {
  test('mistakes are found, and names wherever they stand', () => {
    expect(readQuery('sum(rate(mailx_ready[5m])').errors).toHaveLength(1)
    expect(readQuery('mailx_ready{a=}').errors).not.toEqual([])
    const query =
      'histogram_quantile(0.9, sum by (le) (rate(a_bucket{le="1"}[$__rate_interval]))) / on(x) b offset 5m'
    expect(readQuery(query)).toEqual({ errors: [], metrics: ['a_bucket', 'b'] })
  })

  test('every query of alerts and dashboards is PromQL and names what the code registers', () => {
    const own = rules().flatMap(({ record }) => (record === undefined ? [] : [record]))
    const known = new Set([...seriesNames(), ...foreignMetrics, ...builtIn, ...own])
    const queries = [
      ...rules().map(({ expr }) => expr),
      ...dashboards().flatMap(([, text]) => queriesIn(JSON.parse(text))),
    ]
    const problems = queries.flatMap((query) => {
      const { errors, metrics } = readQuery(query)
      const strange = metrics
        .filter((name) => !known.has(name))
        .map((name) => `there is no metric ${name}`)
      return [...errors, ...strange].map((problem) => `${query}: ${problem}`)
    })
    expect(problems).toEqual([])
    expect(queries.length).toBeGreaterThan(50)
  })

  test('what KEDA asks is, too', () => {
    const scaled = ofKind(manifests, 'ScaledObject').flatMap(
      ({ spec }) => spec.triggers as Manifest[],
    )
    expect(scaled).toHaveLength(2)
    for (const { metadata } of scaled) {
      const { errors, metrics } = readQuery(String(metadata['query']))
      expect({ errors, metrics }).toEqual({ errors: [], metrics: ['mailx_projection_lag_events'] })
    }
  })
})

describe('alerts', () => {
  test('every file is in the chart, whole', () => {
    const files = filesIn('alerts').map(
      (file) => parse(readFileSync(join(chartDir, file), 'utf8')) as { groups: object[] },
    )
    const groups = ofKind(manifests, 'PrometheusRule').flatMap(
      ({ spec }) => spec.groups as Manifest[],
    )
    expect(groups.map(({ name }) => String(name)).toSorted()).toEqual(
      [
        // What is made of the values.
        'mailx-deployment',
        ...files.flatMap((file) => file.groups as { name: string }[]).map(({ name }) => name),
      ].toSorted(),
    )
  })

  test('every alert says what is wrong, how bad it is, and which runbook there is', () => {
    const alerts = rules().filter(({ alert }) => alert !== undefined)
    for (const { alert, annotations, labels } of alerts) {
      const [runbook = ''] =
        /docs\/runbooks\/[\w-]+\.md$/.exec(annotations?.['runbook_url'] ?? '') ?? []
      expect({ alert, has: existsSync(join(root, runbook)) && runbook !== '' }).toEqual({
        alert,
        has: true,
      })
      expect({ alert, severity: labels?.['severity'] }).toEqual({
        alert,
        severity: expect.stringMatching(/^(page|ticket)$/) as unknown,
      })
      expect(annotations?.['summary']).toMatch(/\w/)
    }
    expect(alerts.length).toBeGreaterThan(10)
  })

  test('every runbook, and the list of them, names its alerts', () => {
    const folder = join(root, 'docs/runbooks')
    const list = readFileSync(join(folder, 'README.md'), 'utf8')
    for (const { alert = '', annotations } of rules()) {
      const page = basename(annotations?.['runbook_url'] ?? '')
      const [, named = ''] = /^Alert: (.+)$/m.exec(readFileSync(join(folder, page), 'utf8')) ?? []
      expect({ page, named }).toEqual({
        page,
        named: expect.stringContaining(`\`${alert}\``) as unknown,
      })
      const row = list.split('\n').find((line) => line.includes(`](${page})`))
      expect({ page, row }).toEqual({ page, row: expect.stringContaining(alert) as unknown })
    }
  })

  test('every service that runs is missed when it is gone, and no other', async () => {
    const missed = async (...values: readonly (string | object)[]) => {
      const found = ofKind(await render({ values, apis }), 'PrometheusRule')
        .flatMap(({ spec }) => (spec.groups as { rules: Rule[] }[]).flatMap((group) => group.rules))
        .filter(({ alert }) => alert === 'MailxGone')
      return found.map(({ expr }) => /service="(.+?)"/.exec(expr)?.[1] ?? '').toSorted()
    }
    const all = await missed(profile('large'))
    expect(all).toHaveLength(7)
    const without = { services: { directory: { replicas: 0 }, storage: { enabled: false } } }
    expect(await missed(profile('large'), without)).toEqual(
      all.filter((name) => name !== 'directory' && name !== 'storage'),
    )
    const inOne = [profile('minimal'), { monitoring: { prometheusRule: { enabled: true } } }]
    expect(await missed(...inOne)).toEqual(['all-in-one'])
  })

  test.each([
    ['1Ti', 2 ** 40],
    ['1.5G', 1.5e9],
    ['800000k', 8e8],
  ])('a disk of %s is told of when four fifths are full', async (diskSize, bytes) => {
    const values = { postgres: { diskSize }, monitoring: { prometheusRule: { enabled: true } } }
    const found = ofKind(
      await render({ values: [profile('minimal'), values], apis }),
      'PrometheusRule',
    )
      .flatMap(({ spec }) => (spec.groups as { rules: Rule[] }[]).flatMap((group) => group.rules))
      .find(({ alert }) => alert === 'MailxDiskFilling')
    expect(Number(found?.expr.split('> ')[1])).toBe(Math.trunc(bytes * 0.8))
  })

  test('the runbooks are links when it is said where they are', async () => {
    const values = {
      monitoring: { prometheusRule: { runbookUrl: 'https://wiki.example/runbooks' } },
    }
    const [first] = ofKind(
      await render({ values: [profile('large'), values], apis }),
      'PrometheusRule',
    )
    const [group] = (first ?? fail('no rules'))['spec'].groups as { rules: Rule[] }[]
    const [rule] = group?.rules ?? []
    expect(rule?.annotations?.['runbook_url']).toMatch(
      /^https:\/\/wiki\.example\/runbooks\/[\w-]+\.md$/,
    )
  })
})

describe('dashboards', () => {
  test('every file is a ConfigMap that Grafana finds, as it is', () => {
    const files = filesIn('dashboards')
    const texts = new Map(dashboards())
    expect([...texts.keys()].toSorted()).toEqual(files.map((file) => basename(file)).toSorted())
    for (const file of files) {
      expect(texts.get(basename(file))?.trim()).toBe(
        readFileSync(join(chartDir, file), 'utf8').trim(),
      )
    }
    expect(files.length).toBeGreaterThan(3)
  })
})

describe('switches', () => {
  const kinds = async (monitoring: object, has: readonly string[]) => {
    const off = {
      serviceMonitor: { enabled: false },
      prometheusRule: { enabled: false },
      dashboards: { enabled: false },
    }
    const all = await render({
      values: [profile('large'), { monitoring: { ...off, ...monitoring } }],
      apis: has,
    })
    const watching = all.filter(
      ({ kind, metadata }) =>
        kind === 'ServiceMonitor' ||
        kind === 'PrometheusRule' ||
        metadata.name.includes('dashboard'),
    )
    return [...new Set(watching.map(({ kind }) => kind))]
  }

  test.each([
    ['serviceMonitor', 'ServiceMonitor'],
    ['prometheusRule', 'PrometheusRule'],
    ['dashboards', 'ConfigMap'],
  ])('%s alone makes a %s', async (name, kind) => {
    expect(await kinds({ [name]: { enabled: true } }, apis)).toEqual([kind])
  })

  test('where the cluster does not know a kind, nothing of it is made', async () => {
    expect(
      await kinds({ serviceMonitor: { enabled: true }, prometheusRule: { enabled: true } }, []),
    ).toEqual([])
  })

  test('what is scraped are the ops ports of the services, under the names the programs give', () => {
    const [monitor] = ofKind(manifests, 'ServiceMonitor')
    expect(monitor?.['spec'].endpoints).toEqual([
      { port: 'ops', path: '/metrics', interval: '30s', honorLabels: true },
    ])
    expect(monitor?.['spec'].selector.matchExpressions[0].values).toHaveLength(7)
  })
})
