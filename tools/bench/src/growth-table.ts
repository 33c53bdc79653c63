import { growthCases } from './growth-cases.ts'
import type { Report } from './report.ts'
import { format, table } from './tables.ts'

const isGrowth = (name: string): boolean => Object.hasOwn(growthCases, name)
const isMemory = (name: string): boolean => name === 'memory'

/** The other cases, which belong into the table of figures. */
export const withoutGrowth = (report: Report): Report => ({
  ...report,
  results: Object.fromEntries(
    Object.entries(report.results).filter(([name]) => !isGrowth(name) && !isMemory(name)),
  ),
})

/** What must not grow, with what; undefined when nothing of it was measured. */
export function growthTable({ results }: Pick<Report, 'results'>): string | undefined {
  const rows = Object.entries(results).flatMap(([name, { figures, title }]) => {
    if (!isGrowth(name)) return []
    const sizes = Object.keys(figures).flatMap((figure) =>
      figure.startsWith('server CPU, ') ? [figure.slice('server CPU, '.length)] : [],
    )
    return sizes.map((size, index) => [
      index === 0 ? name : '',
      index === 0 ? title : '',
      size,
      format(figures[`server CPU, ${size}`]?.value ?? Number.NaN),
      format(figures[`p99, ${size}`]?.value ?? Number.NaN),
    ])
  })
  if (rows.length === 0) return undefined
  return table(['case', '', 'with', 'server CPU µs/msg', 'p99 ms'], rows, new Set([3, 4]))
}

/** Memory over time by process; undefined when it was not measured. */
export function memoryTable({ results }: Pick<Report, 'results'>): string | undefined {
  const figures = results['memory']?.figures
  if (figures === undefined) return undefined
  const rows = Object.entries(figures).flatMap(([figure, { value }]) => {
    const name = /^growth of (.*)$/.exec(figure)?.[1]
    if (name === undefined) return []
    const first = figures[`first minute of ${name}`]?.value
    return [[name, first === undefined ? '' : format(first), format(value)]]
  })
  const head = ['MiB resident', 'first minute', 'more in the last']
  return table(head, rows, new Set([1, 2]))
}
