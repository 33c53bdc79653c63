import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  Registry,
} from 'prom-client'

/** All metrics of the process. Names carry base units (`_seconds`, `_bytes`); counters end in `_total`. */
export const registry = new Registry()

type Options<Configuration> = Omit<Configuration, 'registers'>

/** Seconds; from an in-memory answer to a call that ran into its deadline. */
export const durationBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/**
 * The process's counter of that name: made at the first call, the same one afterwards, so that the
 * services of one process share it and tell themselves apart by the label `service`.
 */
export function counter<Label extends string = string>(
  options: Options<CounterConfiguration<Label>>,
): Counter<Label> {
  return (
    (existing(options.name) as Counter<Label> | undefined) ??
    new Counter({ ...options, registers: [registry] })
  )
}

/** As `counter`. A gauge with `collect` is read when scraped. */
export function gauge<Label extends string = string>(
  options: Options<GaugeConfiguration<Label>>,
): Gauge<Label> {
  return (
    (existing(options.name) as Gauge<Label> | undefined) ??
    new Gauge({ ...options, registers: [registry] })
  )
}

/** As `counter`. Left without buckets it measures durations in seconds. */
export function histogram<Label extends string = string>(
  options: Options<HistogramConfiguration<Label>>,
): Histogram<Label> {
  return (
    (existing(options.name) as Histogram<Label> | undefined) ??
    new Histogram({ buckets: durationBuckets, ...options, registers: [registry] })
  )
}

/** Runs `work` and records how long it took and how it ended (`outcome` "ok" or the error's type). */
export type Measure = <Result>(
  labels: Readonly<Record<string, string>>,
  work: () => Promise<Result>,
) => Promise<Result>

/** Rate, errors and duration of one kind of work, in one histogram: `<name>_duration_seconds`. */
export function redMetrics(
  name: string,
  help: string,
  labelNames: readonly string[],
  outcomeOf: (error: unknown) => string,
): Measure {
  const duration = histogram({
    name: `${name}_duration_seconds`,
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

/** The text that Prometheus scrapes, and its content type. */
export async function metricsText(): Promise<{ contentType: string; text: string }> {
  return { contentType: registry.contentType, text: await registry.metrics() }
}

const existing = (name: string): unknown => registry.getSingleMetric(name)
