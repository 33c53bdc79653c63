import type { TraceSpan } from './trace-span.ts'

export type SpanNode = {
  readonly span: TraceSpan
  readonly children: readonly SpanNode[]
  /** It has a parent that is not among the spans. */
  readonly orphan: boolean
}

export type TraceTree = { readonly traceId: string; readonly roots: readonly SpanNode[] }

/**
 * One tree per trace, traces in the order they first appear in `spans`, siblings by start. Every span is
 * in it exactly once, also when parents are missing or name each other in a circle.
 */
export function spanTrees(spans: readonly TraceSpan[]): TraceTree[] {
  return [...Map.groupBy(spans, ({ traceId }) => traceId)].map(([traceId, ofTrace]) => ({
    traceId,
    roots: treeOf(ofTrace),
  }))
}

function treeOf(spans: readonly TraceSpan[]): SpanNode[] {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const sorted = spans.toSorted((a, b) => a.startUs - b.startUs || b.endUs - a.endUs)
  const childrenOf = Map.groupBy(sorted, ({ parentSpanId }) => parentSpanId)
  const placed = new Set<TraceSpan>()

  const nodeOf = (span: TraceSpan): SpanNode => {
    placed.add(span)
    const children = (childrenOf.get(span.spanId) ?? []).filter((child) => !placed.has(child))
    return {
      span,
      children: children.map(nodeOf),
      orphan: span.parentSpanId !== '' && !ids.has(span.parentSpanId),
    }
  }
  const isTop = ({ parentSpanId }: TraceSpan) => parentSpanId === '' || !ids.has(parentSpanId)
  const roots = sorted.filter(isTop).map(nodeOf)
  // What is left hangs in circles; each is cut at its earliest span.
  for (const span of sorted) if (!placed.has(span)) roots.push(nodeOf(span))
  return roots
}
