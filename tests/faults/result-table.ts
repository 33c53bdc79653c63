import type { GroupResult, InjectedFault } from './run-group.ts'

/** One line per kind of fault, and one per group. */
export function resultTable(results: readonly GroupResult[]): string {
  const rows = results.flatMap((result) => {
    const byName = Map.groupBy(result.injected, ({ name }) => kindOf(name))
    return [
      [
        result.group.name.toUpperCase(),
        `${countOf(result.injected)}`,
        `${result.accepted}`,
        '',
        '',
      ],
      ...[...byName].map(([name, faults]) => [
        `  ${name}`,
        `${countOf(faults)}`,
        '',
        ...recoveryOf(faults),
      ]),
    ]
  })
  const all = [['scenario', 'faults', 'accepted', 'recovered: median', 'longest'], ...rows]
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  )
  return all
    .map((row) =>
      row
        .map((cell, index) =>
          index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The same at every service or domain is one line. */
const kindOf = (name: string): string =>
  name
    .replace(/^kill one of two .*$/, 'kill one of two of a service')
    .replace(/^kill [a-z-]+ of \S+$/, 'kill a service')
    .replace(/^kill (\w+) while .*$/, 'kill $1 at a step of a message')
    .replace(/^SIGSTOP .*$/, 'SIGSTOP services')
    .replace(/^crash ([a-z.-]+) in .*$/, 'crash $1')
    .replace(/\b[ab]\.test\b/g, '*')

export const countOf = (faults: readonly InjectedFault[]): number =>
  faults.reduce((sum, { counts }) => sum + counts, 0)

function recoveryOf(faults: readonly InjectedFault[]): [string, string] {
  const times = faults
    .flatMap(({ recoveredMs }) => (recoveredMs === undefined ? [] : [recoveredMs]))
    .toSorted((a, b) => a - b)
  const median = times[Math.floor(times.length / 2)]
  if (median === undefined) return ['–', '–']
  return [`${median} ms`, `${times.at(-1)} ms`]
}
