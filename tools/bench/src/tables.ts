import { type Figure, isMet } from './figures.ts'
import type { Report } from './report.ts'

/** All figures of a report as a Markdown table. */
export function figureTable({ results }: Pick<Report, 'results'>): string {
  const rows = Object.entries(results).flatMap(([name, { title, figures }]) =>
    Object.entries(figures).map(([figure, of], index) => [
      index === 0 ? name : '',
      index === 0 ? title : '',
      figure,
      shown(of),
      goalOf(of as Figure),
    ]),
  )
  return table(['case', '', 'figure', 'value', 'goal'], rows, new Set([3, 4]))
}

/** CPU of each process by case. */
export function cpuTable({ results }: Pick<Report, 'results'>): string {
  const cases = Object.entries(results).flatMap(([name, { cpuMicrosPerMessage: cpu }]) =>
    cpu === undefined ? [] : [{ name, cpu }],
  )
  const processes = [...new Set(cases.flatMap(({ cpu }) => Object.keys(cpu)))]
  const rows = cases.map(({ name, cpu }) => [
    name,
    ...processes.map((process) => (cpu[process] === undefined ? '' : format(cpu[process]))),
  ])
  return table(['CPU µs a message', ...processes], rows, new Set(processes.map((_, i) => i + 1)))
}

/** Figures that both reports have, and how they changed. */
export function comparison(before: Report, after: Report): string {
  const rows = Object.entries(after.results).flatMap(([name, { figures }]) =>
    Object.entries(figures).flatMap(([figure, now]) => {
      const old = before.results[name]?.figures[figure]
      return old === undefined ? [] : [[name, figure, shown(old), shown(now), change(old, now)]]
    }),
  )
  return table(['case', 'figure', before.date, after.date, 'change'], rows, new Set([2, 3, 4]))
}

type Shown = Pick<Figure, 'value' | 'unit' | 'better'>

function change(old: Shown, now: Shown): string {
  if (old.value === 0) return now.value === 0 ? 'same' : ''
  const percent = Math.round((now.value / old.value - 1) * 100)
  if (percent === 0) return 'same'
  const isBetter = percent > 0 === (now.better === 'higher')
  return `${percent > 0 ? '+' : '−'}${Math.abs(percent)} % ${isBetter ? 'better' : 'worse'}`
}

function goalOf(figure: Figure): string {
  if (figure.goal === undefined) return ''
  const sign = figure.better === 'higher' ? '≥' : '≤'
  return `${sign} ${format(figure.goal)}${isMet(figure) ? '' : ' missed'}`
}

const shown = ({ value, unit }: Shown): string => `${format(value)} ${unit}`

const format = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 })

/** Columns wide enough for their longest cell. */
function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number>,
): string {
  const widths = head.map((cell, at) =>
    Math.max(3, cell.length, ...rows.map((row) => row[at]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, at) => (right.has(at) ? (cells[at] ?? '').padStart(width) : (cells[at] ?? '').padEnd(width))).join(' | ')} |`
  const rule = `| ${widths.map((width, at) => (right.has(at) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}
