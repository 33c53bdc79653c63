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

function goalOf(figure: Figure): string {
  if (figure.goal === undefined) return ''
  const sign = figure.better === 'higher' ? '≥' : '≤'
  return `${sign} ${format(figure.goal)}${isMet(figure) ? '' : ' missed'}`
}

export const shown = ({ value, unit }: Pick<Figure, 'value' | 'unit'>): string =>
  `${format(value)} ${unit}`

export const format = (value: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 })

/** Columns wide enough for their longest cell. */
export function table(
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
