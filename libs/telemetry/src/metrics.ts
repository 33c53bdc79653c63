import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client'
import type { NameOf } from './metric-names.ts'
import { plainMetrics } from './plain-metrics.ts'
import { isSampled } from './propagation.ts'

/** All metrics of the process. Names carry base units (`_seconds`, `_bytes`); counters end in `_total`. */
export const registry = new Registry<OpenMetricsContentType>()
registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)

type Options<Configuration, Name> = Omit<
  Configuration,
  'registers' | 'name' | 'enableExemplars'
> & {
  readonly name: Name
}

/** Seconds; from an in-memory answer to a call that ran into its deadline. */
export const durationBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/**
 * The process's counter of that name: made at the first call, the same one afterwards, so that the
 * services of one process share it and tell themselves apart by the label `service`.
 */
export function counter<Label extends string = string>(
  options: Options<CounterConfiguration<Label>, NameOf<'counter'>>,
): Counter<Label> {
  return (
    (existing(options.name) as Counter<Label> | undefined) ??
    new Counter({ ...options, registers: [registry] })
  )
}

/** As `counter`. A gauge with `collect` is read when scraped. */
export function gauge<Label extends string = string>(
  options: Options<GaugeConfiguration<Label>, NameOf<'gauge'>>,
): Gauge<Label> {
  return (
    (existing(options.name) as Gauge<Label> | undefined) ??
    new Gauge({ ...options, registers: [registry] })
  )
}

/** As `counter`. Left without buckets it measures durations in seconds. */
export function histogram<Label extends string = string>(
  options: Options<HistogramConfiguration<Label>, NameOf<'histogram'>>,
): Histogram<Label> {
  return (
    (existing(options.name) as Histogram<Label> | undefined) ??
    new Histogram({ buckets: durationBuckets, ...options, registers: [registry] })
  )
}

/** A histogram of what an objective is set for: each bucket names a trace that fell into it. */
export type Objective<Label extends string> = {
  /** `traceparent` is the exemplar where it is recorded. */
  readonly observe: (
    labels: Readonly<Record<Label, string>>,
    seconds: number,
    traceparent: string,
  ) => void
}

/** As `histogram`, with exemplars. */
export function objective<Label extends string = never>(options: {
  readonly name: NameOf<'histogram'>
  readonly help: string
  readonly labelNames: readonly Label[]
  readonly buckets?: readonly number[]
  /** Labels that are there from the start: a series that begins at 1 has not grown, as Prometheus sees it. */
  readonly zeros?: readonly Readonly<Record<Label, string>>[]
}): Objective<Label> {
  const { buckets = durationBuckets, help, labelNames, name, zeros = [] } = options
  const configuration = { name, help, labelNames: [...labelNames], buckets: [...buckets] }
  const made =
    (existing(name) as Histogram | undefined) ??
    new Histogram({ ...configuration, enableExemplars: true, registers: [registry] })
  for (const labels of zeros) made.zero(labels)
  return {
    observe: (labels, value, traceparent) => {
      const exemplarLabels = isSampled(traceparent) ? { trace_id: traceparent.slice(3, 35) } : {}
      made.observe({ labels, value, exemplarLabels })
    },
  }
}

/** Runs `work` and records how long it took and how it ended (`outcome` "ok" or the error's type). */
export type Measure = <Result>(
  labels: Readonly<Record<string, string>>,
  work: () => Promise<Result>,
) => Promise<Result>

/** Rate, errors and duration of one kind of work, in one histogram. */
export function redMetrics(
  name: NameOf<'histogram'>,
  help: string,
  labelNames: readonly string[],
  outcomeOf: (error: unknown) => string,
): Measure {
  const duration = histogram({
    name,
    help,
    labelNames: [...labelNames, 'outcome'],
  })
  return async (labels, work) => {
    const startedAt = performance.now()
    let outcome = 'ok'
    try {
      return await work()
    } catch (error) {
      outcome = outcomeOf(error)
      throw error
    } finally {
      duration.observe({ ...labels, outcome }, (performance.now() - startedAt) / 1000)
    }
  }
}

let collecting = false

/**
 * CPU, memory, event loop delay and garbage collection of this process, started once. `service` labels
 * these and every metric that has no such label of its own.
 */
export function collectProcessMetrics(service: string): void {
  registry.setDefaultLabels({ service })
  if (collecting) return
  collecting = true
  collectDefaultMetrics({ register: registry })
}

/**
 * The text that Prometheus scrapes, and its content type: OpenMetrics, which has exemplars, for those
 * who accept it.
 */
export async function metricsText(accept = ''): Promise<{ contentType: string; text: string }> {
  const text = await registry.metrics()
  if (accept.includes('application/openmetrics-text')) {
    return { contentType: registry.contentType, text }
  }
  return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, text: plainMetrics(text) }
}

const existing = (name: string): unknown => registry.getSingleMetric(name)
