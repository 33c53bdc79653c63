import type { MetricName } from '@mailx/telemetry/metric-names'

/** What a panel's numbers are; the names are Grafana's. */
export type Unit = 's' | 'bytes' | 'Bps' | 'ops' | 'percentunit' | 'short' | 'dateTimeFromNow'

export type Query = {
  readonly expr: string
  /** Grafana's way to name a series: {{label}}. */
  readonly legend: string
}

export type Panel = {
  readonly title: string
  /** What it tells and from where on one should look closer. */
  readonly about: string
  readonly unit: Unit
  readonly queries: readonly Query[]
  /** graph: lines over time; stat: the newest number of each query. Default: graph. */
  readonly kind?: 'graph' | 'stat'
  /** Where it turns red; above, unless `redBelow`. */
  readonly redFrom?: number
  readonly redBelow?: number
  /** Of 24 columns. Default: 8. */
  readonly columns?: 4 | 6 | 8 | 12 | 24
}

export type Row = { readonly title: string; readonly panels: readonly Panel[] }

export type Dashboard = {
  /** The file's name, and part of its address in Grafana. */
  readonly id: string
  readonly title: string
  readonly rows: readonly Row[]
}

/** Deployments are told apart by the namespace that a scraper in Kubernetes adds; elsewhere it is empty. */
export const DEPLOYMENT = 'namespace=~"$namespace"'

type Series = MetricName | `${MetricName}_${'bucket' | 'sum' | 'count'}`

/** A selector of a metric, in the deployment that the dashboard shows. */
export const series = (name: Series, labels = ''): string =>
  `${name}{${[DEPLOYMENT, labels].filter(Boolean).join(',')}}`

const WINDOW = '5m'

export const rate = (name: Series, labels = ''): string =>
  `rate(${series(name, labels)}[${WINDOW}])`

export const sumRate = (name: Series, by: string, labels = ''): string =>
  `sum by (${by}) (${rate(name, labels)})`

type HistogramName<Name extends string = Series> = Name extends `${infer Base}_bucket`
  ? Base
  : never

/** A quantile of a histogram, apart by labels. */
export const quantile = (q: number, name: HistogramName, by = '', labels = ''): string =>
  `histogram_quantile(${q}, sum by (${['le', by].filter(Boolean).join(', ')}) (${rate(`${name}_bucket` as Series, labels)}))`

/** The share of what took at most `le` seconds. */
export const shareWithin = (name: HistogramName, le: string, labels = ''): string =>
  `sum(${rate(`${name}_bucket` as Series, [labels, `le="${le}"`].filter(Boolean).join(','))}) / sum(${rate(`${name}_count` as Series, labels)})`
