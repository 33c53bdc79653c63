import pc from 'picocolors'
import { type SpanNode, spanTrees } from './span-tree.ts'
import type { TraceSpan } from './trace-span.ts'

export type RenderOptions = {
  readonly colour: boolean
  /** Columns of the terminal. */
  readonly width: number
}

type Palette = ReturnType<typeof pc.createColors>

type Row = {
  readonly service: string
  /** Branches and the span's name. */
  readonly label: string
  /** Undefined for a row that only adds to the one above. */
  readonly span: TraceSpan | undefined
}

const OFFSET_COLUMNS = 10
const DURATION_COLUMNS = 11

/**
 * A trace as a tree: service, name, start after the first span, a bar on the common time axis, and
 * duration. Traces linked with the first one follow on the same axis; names are cut to fit, and what
 * came over the network cannot move the cursor.
 */
export function renderTrace(spans: readonly TraceSpan[], { colour, width }: RenderOptions): string {
  if (spans.length === 0) return 'no spans'
  const palette = pc.createColors(colour)
  const axis = axisOf(spans)
  const names = new Map(spans.map((span) => [`${span.traceId} ${span.spanId}`, span.name]))
  const trees = spanTrees(spans).map(({ traceId, roots }) => ({
    traceId,
    rows: roots.flatMap((root) => rowsOf(root, { branch: '', indent: '' }, names)),
  }))
  const columns = columnsOf(
    trees.flatMap(({ rows }) => rows),
    width,
  )
  const paint = servicePainter(palette, spans)
  const draw = (row: Row) => drawRow(row, { axis, columns, palette, paint })
  return trees
    .map(({ traceId, rows }, index) => {
      const ofTrace = spans.filter((span) => span.traceId === traceId)
      const title = index === 0 ? 'trace' : 'linked trace'
      const facts = [
        plural(ofTrace.length, 'span'),
        plural(new Set(ofTrace.map(({ service }) => service)).size, 'service'),
        milliseconds(durationOf(ofTrace)),
      ]
      return [palette.bold(`${title} ${traceId}  ${facts.join(', ')}`), ...rows.map(draw)].join(
        '\n',
      )
    })
    .join('\n\n')
}

type Axis = { readonly startUs: number; readonly lengthUs: number }

function axisOf(spans: readonly TraceSpan[]): Axis {
  const startUs = spans.reduce((least, span) => Math.min(least, span.startUs), Infinity)
  return { startUs, lengthUs: Math.max(1, durationOf(spans)) }
}

function durationOf(spans: readonly TraceSpan[]): number {
  const start = spans.reduce((least, span) => Math.min(least, span.startUs), Infinity)
  return spans.reduce((most, span) => Math.max(most, span.endUs), 0) - start
}

function rowsOf(
  { span, children, orphan }: SpanNode,
  { branch, indent }: { branch: string; indent: string },
  names: ReadonlyMap<string, string>,
): Row[] {
  const notes = [
    ...(orphan ? ['(its parent has not arrived)'] : []),
    ...(span.error === undefined ? [] : [`✗ ${span.error}`]),
  ]
  const label = [`${branch}${clean(span.name)}`, ...notes.map(clean)].join(' ')
  const stem = children.length > 0 ? '│ ' : '  '
  const links = span.links.map(({ traceId, spanId }) => {
    const name = names.get(`${traceId} ${spanId}`)
    const where = name === undefined ? `trace ${traceId.slice(0, 8)}…` : clean(name)
    return { service: '', label: `${indent}${stem}↪ ${where}`, span: undefined }
  })
  const below = children.flatMap((child, index) => {
    const last = index === children.length - 1
    const next = {
      branch: `${indent}${last ? '└─' : '├─'}`,
      indent: `${indent}${last ? '  ' : '│ '}`,
    }
    return rowsOf(child, next, names)
  })
  return [{ service: clean(span.service), label, span }, ...links, ...below]
}

const longest = (texts: readonly string[]): number =>
  texts.reduce((most, text) => Math.max(most, text.length), 0)

type Columns = { readonly service: number; readonly label: number; readonly bar: number }

function columnsOf(rows: readonly Row[], width: number): Columns {
  const service = Math.min(longest(rows.map((row) => row.service)), 20)
  const free = Math.max(30, width - service - OFFSET_COLUMNS - DURATION_COLUMNS - 4)
  const label = Math.min(longest(rows.map((row) => row.label)), Math.floor(free * 0.65))
  return { service, label, bar: Math.max(8, free - label) }
}

function drawRow(
  { service, label, span }: Row,
  {
    axis,
    columns,
    palette,
    paint,
  }: {
    readonly axis: Axis
    readonly columns: Columns
    readonly palette: Palette
    readonly paint: (service: string) => (text: string) => string
  },
): string {
  const name = fit(label, columns.label)
  if (span === undefined) return palette.dim(`${' '.repeat(columns.service)}  ${name}`.trimEnd())
  const tint = span.error === undefined ? paint(service) : palette.red
  const offset = `+${milliseconds(span.startUs - axis.startUs)}`.padStart(OFFSET_COLUMNS)
  const [before, length] = barOf(span, axis, columns.bar)
  const bar = `${' '.repeat(before)}${tint('━'.repeat(length))}${' '.repeat(columns.bar - before - length)}`
  const duration = milliseconds(span.endUs - span.startUs).padStart(DURATION_COLUMNS)
  const colouredName = span.error === undefined ? name : palette.red(name)
  return `${tint(fit(service, columns.service))}  ${colouredName}${palette.dim(offset)} ${bar}${duration}`
}

/** Where a bar begins and how long it is, in columns: at least one, never past the end. */
function barOf(span: TraceSpan, axis: Axis, columns: number): [number, number] {
  const scale = columns / axis.lengthUs
  const before = Math.min(columns - 1, Math.floor((span.startUs - axis.startUs) * scale))
  const length = Math.max(1, Math.round((span.endUs - span.startUs) * scale))
  return [before, Math.min(length, columns - before)]
}

/** Services keep their colour through a rendering, given out in order of appearance. */
function servicePainter(palette: Palette, spans: readonly TraceSpan[]) {
  const colours = [
    palette.cyan,
    palette.green,
    palette.yellow,
    palette.magenta,
    palette.blue,
    palette.cyanBright,
    palette.greenBright,
    palette.magentaBright,
  ]
  const order = [...new Set(spans.map(({ service }) => clean(service)))]
  return (service: string) => colours[order.indexOf(service) % colours.length] ?? palette.white
}

const milliseconds = (microseconds: number): string => `${(microseconds / 1000).toFixed(1)} ms`

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

const fit = (text: string, columns: number): string =>
  text.length > columns ? `${text.slice(0, Math.max(0, columns - 1))}…` : text.padEnd(columns)

/** Without control characters, escapes and direction marks. */
const clean = (text: string): string => text.replace(/\p{C}+/gu, ' ')
