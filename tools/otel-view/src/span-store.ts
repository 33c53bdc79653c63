import type { TraceSpan } from './trace-span.ts'

export type SpanStore = {
  readonly add: (spans: readonly TraceSpan[]) => void
  /** The spans of a trace in order of their start, those of traces linked with it behind them. */
  readonly spansOfTrace: (traceId: string) => TraceSpan[]
  readonly traceIds: () => string[]
}

/** Keeps the spans of the latest traces in memory; the oldest trace goes first. */
export function spanStore(maxSpans = 100_000): SpanStore {
  const traces = new Map<string, Map<string, TraceSpan>>()
  /** Trace → the traces that have a link with it, in either direction. */
  const linked = new Map<string, Set<string>>()
  let size = 0

  const addOne = (span: TraceSpan) => {
    const trace = traces.get(span.traceId) ?? new Map<string, TraceSpan>()
    if (trace.size === 0) traces.set(span.traceId, trace)
    if (!trace.has(span.spanId)) size += 1
    trace.set(span.spanId, span)
    for (const { traceId } of span.links) {
      if (traceId === span.traceId) continue
      join(linked, span.traceId, traceId)
      join(linked, traceId, span.traceId)
    }
  }
  const dropOldest = () => {
    for (const [traceId, trace] of traces) {
      if (size <= maxSpans || traces.size === 1) return
      traces.delete(traceId)
      linked.delete(traceId)
      size -= trace.size
    }
  }
  const spansOf = (traceId: string): TraceSpan[] =>
    [...(traces.get(traceId)?.values() ?? [])].toSorted((a, b) => a.startUs - b.startUs)

  return {
    add: (spans) => {
      for (const span of spans) addOne(span)
      dropOldest()
    },
    spansOfTrace: (traceId) =>
      [traceId, ...(linked.get(traceId) ?? [])].flatMap((id) => spansOf(id)),
    traceIds: () => [...traces.keys()],
  }
}

function join(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key) ?? new Set<string>()
  sets.set(key, set.add(value))
}
