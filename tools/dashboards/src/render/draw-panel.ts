import { formatValue } from './format-value.ts'
import type { PanelFile } from './grafana-file.ts'
import type { Line, Range } from './query-prometheus.ts'

const colours = [
  '#2f7ed8',
  '#3a9a5b',
  '#d98e1f',
  '#8a56c2',
  '#c2486b',
  '#2a9d9d',
  '#7d7d2e',
  '#555',
]
const RED = '#d0312d'
const GREEN = '#2e8b57'
const WIDTH = 460
const HEIGHT = 230
const plot = { left: 74, right: 12, top: 10, bottom: 22 }
const MAX_LEGEND = 8

/** A panel as SVG; without samples it says so. */
export function drawPanel(panel: PanelFile, lines: readonly Line[], range: Range): string {
  const drawn = lines.filter(({ points }) => points.length > 0)
  const unit = panel.fieldConfig?.defaults.unit ?? 'short'
  const body =
    drawn.length === 0
      ? text(WIDTH / 2, 100, 'no samples', { anchor: 'middle', fill: '#999', size: 14 })
      : panel.type === 'stat'
        ? drawStat(panel, drawn, unit)
        : drawGraph(panel, drawn, unit, range)
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" xmlns="http://www.w3.org/2000/svg">${body}</svg>`
}

function drawStat(panel: PanelFile, lines: readonly Line[], unit: string): string {
  return lines
    .slice(0, 3)
    .map(({ points }, index) => {
      const value = points.at(-1)?.value ?? 0
      const y = 120 + index * 40
      return text(WIDTH / 2, y, formatValue(value, unit), {
        anchor: 'middle',
        fill: colourAt(panel, value),
        size: 52,
      })
    })
    .join('')
}

function colourAt(panel: PanelFile, value: number): string {
  const steps = panel.fieldConfig?.defaults.thresholds.steps ?? []
  const reached = steps.filter((step) => step.value === null || value >= step.value).at(-1)
  return reached?.color === 'red' ? RED : GREEN
}

function drawGraph(panel: PanelFile, lines: readonly Line[], unit: string, range: Range): string {
  const values = lines.flatMap(({ points }) => points.map(({ value }) => value))
  const dates = unit === 'dateTimeFromNow'
  const low = Math.min(dates ? Date.now() : 0, ...values)
  const high = Math.max(...values)
  const top = high > low ? high + (high - low) * 0.08 : low + (Math.abs(low) || 1)
  const legendRows = Math.ceil(Math.min(lines.length, MAX_LEGEND) / 2)
  const bottom = HEIGHT - plot.bottom - legendRows * 14
  const x = (at: number) =>
    plot.left + ((at - range.start) / (range.end - range.start)) * (WIDTH - plot.left - plot.right)
  const y = (value: number) => bottom - ((value - low) / (top - low)) * (bottom - plot.top)

  const grid = [0, 1, 2, 3, 4].map((index) => {
    const value = low + ((top - low) * index) / 4
    return `<line x1="${plot.left}" x2="${WIDTH - plot.right}" y1="${y(value)}" y2="${y(value)}" stroke="#e4e4e4"/>${text(plot.left - 6, y(value) + 4, formatValue(value, unit), { anchor: 'end', fill: '#666', size: 11 })}`
  })
  const times = [0, 0.5, 1].map((share) => {
    const at = range.start + (range.end - range.start) * share
    const label = new Date(at * 1000).toISOString().slice(11, 19)
    const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle'
    return text(x(at), bottom + 15, label, { anchor, fill: '#666', size: 10 })
  })
  const limits = (panel.fieldConfig?.defaults.thresholds.steps ?? []).flatMap(({ value }) =>
    value === null || value < low || value > top
      ? []
      : [
          `<line x1="${plot.left}" x2="${WIDTH - plot.right}" y1="${y(value)}" y2="${y(value)}" stroke="${RED}" stroke-dasharray="4 3"/>`,
        ],
  )
  const curves = lines.map(({ points }, index) => {
    const colour = colours[index % colours.length]
    const path = points.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`)
    const only =
      points.length === 1
        ? `<circle cx="${x(points[0]?.at ?? 0)}" cy="${y(points[0]?.value ?? 0)}" r="2" fill="${colour}"/>`
        : ''
    return `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.6"/>${only}`
  })
  const legend = lines.slice(0, MAX_LEGEND).map(({ name, points }, index) => {
    const left = plot.left + (index % 2) * ((WIDTH - plot.left) / 2)
    const row = bottom + 31 + Math.floor(index / 2) * 14
    const last = formatValue(points.at(-1)?.value ?? 0, unit)
    const more =
      index === MAX_LEGEND - 1 && lines.length > MAX_LEGEND
        ? ` (+${lines.length - MAX_LEGEND})`
        : ''
    return `<rect x="${left}" y="${row - 8}" width="9" height="9" fill="${colours[index % colours.length]}"/>${text(left + 13, row, `${cut(name, 20)}  ${last}${more}`, { anchor: 'start', fill: '#333', size: 11 })}`
  })
  return [...grid, ...times, ...limits, ...curves, ...legend].join('')
}

const cut = (name: string, most: number): string =>
  name.length > most ? `${name.slice(0, most - 1)}…` : name

type Style = {
  readonly anchor: 'start' | 'middle' | 'end'
  readonly fill: string
  readonly size: number
}

const text = (x: number, y: number, content: string, { anchor, fill, size }: Style): string =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${fill}" font-size="${size}" font-family="sans-serif">${escape(content)}</text>`

export const escape = (content: string): string =>
  content.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`)
