import { escapeHtml } from './escape-html.ts'
import { linear, shown, ticksTo } from './scale.ts'

/** Of every plot: the page scales it to its own width. */
export const PLOT = { width: 920, height: 240, left: 64, right: 12, top: 10, bottom: 28 } as const

export type Series = {
  readonly name: string
  /** 1, 2 or 3: a colour of the page. */
  readonly colour: number
  /** [seconds, value] in order. */
  readonly points: readonly (readonly [number, number])[]
}

export type Frame = {
  readonly seconds: number
  /** Until when the warm-up lasted. */
  readonly warmup: number
}

/** Lines over time, with a legend above and gridlines. */
export function linePlot(
  series: readonly Series[],
  { unit, ...frame }: Frame & { readonly unit: string },
): string {
  const most = Math.max(0, ...series.flatMap(({ points }) => points.map(([, value]) => value)))
  const ticks = ticksTo(most)
  const top = ticks.at(-1) ?? 1
  const x = xScale(frame.seconds)
  const y = linear([0, top], [PLOT.height - PLOT.bottom, PLOT.top])
  const lines = series.map(({ points, colour, name }) => {
    const path = points.map(([at, value]) => `${round(x(at))},${round(y(value))}`).join(' ')
    return `<polyline class="line s${colour}" points="${path}"><title>${escapeHtml(name)}</title></polyline>`
  })
  const grid = ticks.map((tick) => gridLine(y(tick), shown(tick))).join('')
  return `${legend(series)}${svg(
    `${warmupShade(frame)}${grid}${timeAxis(frame.seconds)}${lines.join('')}`,
    `${series.map(({ name }) => name).join(', ')} in ${unit} over time`,
  )}`
}

export const xScale = (seconds: number) =>
  linear([0, Math.max(1, seconds)], [PLOT.left, PLOT.width - PLOT.right])

export const svg = (content: string, label: string): string =>
  `<svg viewBox="0 0 ${PLOT.width} ${PLOT.height}" role="img" aria-label="${escapeHtml(label)}">${content}</svg>`

export const gridLine = (y: number, label: string): string =>
  `<line class="grid" x1="${PLOT.left}" x2="${PLOT.width - PLOT.right}" y1="${round(y)}" y2="${round(y)}"/>` +
  `<text class="tick end" x="${PLOT.left - 8}" y="${round(y + 4)}">${escapeHtml(label)}</text>`

export function timeAxis(seconds: number): string {
  const x = xScale(seconds)
  return ticksTo(Math.max(1, seconds), 8)
    .filter((tick) => tick <= seconds)
    .map(
      (tick) =>
        `<text class="tick mid" x="${round(x(tick))}" y="${PLOT.height - 8}">${shown(tick)} s</text>`,
    )
    .join('')
}

export function warmupShade({ seconds, warmup }: Frame): string {
  if (warmup <= 0) return ''
  const x = xScale(seconds)
  const width = x(Math.min(warmup, seconds)) - PLOT.left
  return `<rect class="warmup" x="${PLOT.left}" y="${PLOT.top}" width="${round(width)}" height="${PLOT.height - PLOT.top - PLOT.bottom}"><title>warm-up: in no figure</title></rect>`
}

const legend = (series: readonly Series[]): string =>
  `<p class="legend">${series
    .map(({ name, colour }) => `<span><i class="k${colour}"></i>${escapeHtml(name)}</span>`)
    .join('')}</p>`

export const round = (value: number): number => Math.round(value * 10) / 10
