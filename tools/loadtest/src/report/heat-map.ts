import { bucketEdges } from '../meter.ts'
import type { Column } from './columns.ts'
import {
  type Frame,
  gridLine,
  PLOT,
  round,
  svg,
  timeAxis,
  warmupShade,
  xScale,
} from './line-plot.ts'
import { linear, shown } from './scale.ts'

/** How many shades the page has; h1 is the faintest. */
export const SHADES = 8

/**
 * Latency over time: a column per moment, a row per latency bucket (each a fixed factor above the one
 * below), darker where more notifications fell; p50 and p99 as lines over it.
 */
export function heatMap(columns: readonly Column[], frame: Frame): string {
  const used = columns.flatMap(({ buckets }) => buckets.flatMap((count, at) => (count ? [at] : [])))
  if (used.length === 0) return '<p class="none">Nobody was notified.</p>'
  const lowest = Math.max(0, Math.min(...used) - 1)
  const highest = Math.max(...used) + 2
  const x = xScale(frame.seconds)
  const y = linear([lowest, highest], [PLOT.height - PLOT.bottom, PLOT.top])
  const most = Math.max(
    ...columns.flatMap(({ from, to, buckets }) => Math.max(...buckets) / (to - from)),
  )
  const cells = columns.flatMap(({ from, to, buckets }) =>
    buckets.flatMap((count, at) => {
      if (count === 0) return []
      const shade = shadeOf(count / (to - from), most)
      const [low = 0, high = Number.POSITIVE_INFINITY] = bucketEdges.slice(at, at + 2)
      const about = `${shown(low)} to ${shown(high)} ms: ${shown(count)} from ${shown(from)} to ${shown(to)} s`
      return [
        `<rect class="h${shade}" x="${round(x(from))}" y="${round(y(at + 1))}" width="${round(x(to) - x(from) + 0.3)}" height="${round(y(at) - y(at + 1) + 0.3)}"><title>${about}</title></rect>`,
      ]
    }),
  )
  const place = (ms: number) =>
    y(Math.min(highest, Math.max(lowest, Math.log2(ms / (bucketEdges[0] ?? 1)) * 4)))
  const line = (value: (column: Column) => number, name: string, kind: string) => {
    const points = columns
      .filter((column) => value(column) > 0)
      .map((column) => `${round(x((column.from + column.to) / 2))},${round(place(value(column)))}`)
    return `<polyline class="over ${kind}" points="${points.join(' ')}"><title>${name}</title></polyline>`
  }
  const grid = decades(lowest, highest).map(([at, label]) => gridLine(y(at), label))
  const drawing = [
    warmupShade(frame),
    ...cells,
    ...grid,
    timeAxis(frame.seconds),
    line(({ p50 }) => p50, 'p50', 'p50'),
    line(({ p99 }) => p99, 'p99', 'p99'),
  ]
  return `${key(
    most,
    columns.some(({ merged }) => merged > 1),
  )}${svg(drawing.join(''), 'Latency from submission to notification over time')}`
}

/** By the root: a few late ones must be seen beside thousands. */
const shadeOf = (count: number, most: number): number =>
  Math.max(1, Math.ceil(Math.sqrt(count / most) * SHADES))

const PER_DOUBLING = 4
const round125 = [
  0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 100_000,
]

/** Round latencies between two buckets, with their names. */
function decades(lowest: number, highest: number): [number, string][] {
  const first = bucketEdges[0] ?? 1
  return round125.flatMap((ms): [number, string][] => {
    const at = Math.log2(ms / first) * PER_DOUBLING
    if (at < lowest || at > highest) return []
    return [[at, ms < 1000 ? `${ms} ms` : `${ms / 1000} s`]]
  })
}

function key(most: number, isMerged: boolean): string {
  const shades = Array.from({ length: SHADES }, (_, index) => `<i class="b${index + 1}"></i>`)
  return `<p class="legend"><span><i class="kp50"></i>p50</span><span><i class="kp99"></i>p99${isMerged ? ' of the worst second of each column' : ''}</span><span class="ramp">1 ${shades.join('')} ${shown(most)} a second</span></p>`
}
