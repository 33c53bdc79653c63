import type { Figure } from './figures.ts'
import type { Report } from './report.ts'
import { shown, table } from './tables.ts'

/** How a report differs from an earlier one: on what, in figures, in CPU by process, in cases. */
export function comparison(before: Report, after: Report): string {
  return [
    ...surroundings(before, after),
    figures(before, after),
    ...cpu(before, after),
    ...onlyIn(before, after),
    ...onlyIn(after, before),
  ].join('\n\n')
}

/** Figures of two machines, or of two ways to set them up, say little of the program. */
function surroundings(before: Report, after: Report): string[] {
  const rows = (['machine', 'versions', 'settings'] as const).flatMap((part) => {
    const [old, now] = [flat(before[part]), flat(after[part])]
    return [...new Set([...old.keys(), ...now.keys()])]
      .filter((key) => old.get(key) !== now.get(key))
      .map((key) => [part, key, old.get(key) ?? '', now.get(key) ?? ''])
  })
  if (rows.length === 0) return []
  return [table(['not the same', '', before.date, after.date], rows, new Set())]
}

function flat(record: Readonly<Record<string, unknown>>, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(record).flatMap(([key, value]): [string, string][] =>
      typeof value === 'object' && value !== null
        ? [...flat(value as Record<string, unknown>, `${prefix}${key}.`)]
        : [[`${prefix}${key}`, String(value)]],
    ),
  )
}

/** Those that both have. */
function figures(before: Report, after: Report): string {
  const rows = Object.entries(after.results).flatMap(([name, result]) =>
    Object.entries(result.figures).flatMap(([figure, now]) => {
      const old = before.results[name]?.figures[figure]
      return old === undefined ? [] : [[name, figure, shown(old), shown(now), change(old, now)]]
    }),
  )
  return table(['case', 'figure', before.date, after.date, 'change'], rows, new Set([2, 3, 4]))
}

function cpu(before: Report, after: Report): string[] {
  const rows = Object.entries(after.results).flatMap(([name, { cpuMicrosPerMessage = {} }]) =>
    Object.entries(cpuMicrosPerMessage).flatMap(([process, value]) => {
      const old = before.results[name]?.cpuMicrosPerMessage?.[process]
      if (old === undefined) return []
      const [was, is] = [micros(old), micros(value)]
      return [[name, process, shown(was), shown(is), change(was, is)]]
    }),
  )
  if (rows.length === 0) return []
  return [table(['CPU of', 'process', before.date, after.date, 'change'], rows, new Set([2, 3, 4]))]
}

const micros = (value: number) => ({ value, unit: 'µs/msg', better: 'lower' }) as const

function onlyIn(one: Report, other: Report): string[] {
  const names = Object.keys(one.results).filter((name) => other.results[name] === undefined)
  return names.length === 0 ? [] : [`only in ${one.date}: ${names.join(', ')}`]
}

type Compared = Pick<Figure, 'value' | 'unit' | 'better'>

function change(old: Compared, now: Compared): string {
  if (old.value === 0) return now.value === 0 ? 'same' : ''
  const percent = Math.round((now.value / old.value - 1) * 100)
  if (percent === 0) return 'same'
  const isBetter = percent > 0 === (now.better === 'higher')
  return `${percent > 0 ? '+' : '−'}${Math.abs(percent)} % ${isBetter ? 'better' : 'worse'}`
}
