import { expect, test } from 'vitest'
import { comparison } from './comparison.ts'
import { type Figure, higher, isMet, lower, median } from './figures.ts'
import { withTables } from './readme-tables.ts'
import { Report, withCases } from './report.ts'
import { cpuTable, figureTable } from './tables.ts'

const report = (date: string, figures: Record<string, Figure>): Report => ({
  mailxBench: 1,
  date,
  machine: {},
  versions: {},
  settings: {},
  results: {
    max: { title: 'local', figures, cpuMicrosPerMessage: { NATS: 31.25 }, details: undefined },
  },
})
const before = report('old', {
  rate: higher(1000, '/s', 2000),
  p99: lower(40, 'ms'),
  gone: lower(1, 's'),
})
const after = report('new', {
  rate: higher(2500, '/s', 2000),
  p99: lower(50, 'ms'),
  fresh: lower(1, 's'),
})

test('every figure has its row, and says whether its goal was met', () => {
  const rows = figureTable(before).split('\n')
  expect(rows).toHaveLength(5)
  expect(rows[2]).toMatch(/^\| max +\| local \| rate +\| +1,000 \/s \| ≥ 2,000 missed \|$/)
  expect(figureTable(after)).toMatch(/\| +2,500 \/s \| +≥ 2,000 \|/)
})

test('a comparison has what both have, and says which way it went', () => {
  const rows = comparison(before, after).split('\n\n')[0]?.split('\n') ?? []
  expect(rows).toHaveLength(4)
  expect(rows[2]).toContain('+150 % better')
  expect(rows[3]).toContain('+25 % worse')
  expect(comparison(after, before).split('\n')[2]).toContain('−60 % worse')
  expect(comparison(before, before)).toContain('same')
})

test('a comparison has CPU by process, what is not the same, and cases that one of them lacks', () => {
  const [max] = Object.values(after.results)
  if (max === undefined) throw new Error('no case')
  const changed: Report = {
    ...after,
    machine: { cpus: 4 },
    settings: { postgres: { jit: 'on' } },
    results: {
      max: { ...max, cpuMicrosPerMessage: { NATS: 62.5 } },
      more: max,
    },
  }
  const text = comparison(before, changed)
  expect(text).toMatch(/\| machine +\| cpus +\| +\| 4 +\|/)
  expect(text).toMatch(/\| settings +\| postgres.jit +\| +\| on +\|/)
  expect(text).toMatch(/\| max +\| NATS +\| +31.3 µs\/msg \| +62.5 µs\/msg \| \+100 % worse \|/)
  expect(text).toContain('only in new: more')
  expect(comparison(before, { ...before, results: {} })).toContain('only in old: max')
})

test('cases that are added to an earlier result keep when they were measured, and the machine is one', () => {
  const memory = {
    ...after,
    versions: { commit: 'abc' },
    results: { memory: after.results['max'] },
  }
  const both = withCases(before, Report.parse(memory))
  expect(both).toMatchObject({ date: 'old', results: { max: before.results['max'] } })
  expect(both.results['memory']?.measured).toEqual({ date: 'new', commit: 'abc' })
  expect(Report.parse(JSON.parse(JSON.stringify(both)))).toMatchObject({ date: 'old' })
  expect(() => withCases(before, { ...after, machine: { cpus: 4 } })).toThrow(/another machine/)
})

test('what must not grow has tables of its own', () => {
  const figures = {
    'server CPU, 10 users': lower(500, 'µs/msg'),
    'p99, 10 users': lower(40, 'ms'),
    'server CPU, 10,000 users': lower(510, 'µs/msg'),
    'p99, 10,000 users': lower(45, 'ms'),
  }
  const grown: Report = {
    ...before,
    results: {
      ...before.results,
      users: { title: 'between users', figures, details: undefined },
      memory: {
        title: 'memory',
        figures: {
          rate: higher(2000, '/s'),
          time: higher(10, 'min'),
          'first minute of NATS': lower(50, 'MiB'),
          'growth of NATS': lower(1.5, 'MiB'),
        },
        details: undefined,
      },
    },
  }
  const page = withTables('<!-- bench: npm run bench -- --readme FILE -->\n<!-- /bench -->', grown)
  expect(page).toMatch(/\| users +\| between users \| 10 users +\| +500 \| +40 \|/)
  expect(page).toMatch(/\| 10,000 users \| +510 \| +45 \|/)
  expect(page).toContain('memory at 2,000 /s, 80 % of the most, over 10 min:')
  expect(page).toMatch(/\| NATS +\| +50 \| +1.5 \|/)
  expect(page.match(/10,000 users/g)).toHaveLength(1)
})

test('CPU is shown by process', () => {
  expect(cpuTable(before)).toMatch(/NATS[^]*\| max +\| +31.3 \|/)
})

test('a goal is met from the better side', () => {
  expect(isMet(higher(10, '/s', 10))).toBe(true)
  expect(isMet(higher(9, '/s', 10))).toBe(false)
  expect(isMet(lower(10, 'ms', 10))).toBe(true)
  expect(isMet(lower(11, 'ms', 10))).toBe(false)
  expect(isMet(lower(11, 'ms'))).toBe(true)
})

test('figures are as precise as they can be', () => {
  expect(higher(1234.5678, '/s').value).toBe(1235)
  expect(lower(1.23456, 'ms').value).toBe(1.23)
  expect(median([5, 1, 9])).toBe(5)
})

test('a report is read back as it was written, and nothing else is taken for one', () => {
  expect(Report.parse(JSON.parse(JSON.stringify(before)))).toMatchObject(
    JSON.parse(JSON.stringify(before)),
  )
  expect(Report.safeParse({ results: {} }).success).toBe(false)
})

test('tables take the place of those before, and nothing else of the page changes', () => {
  const marks = ['<!-- bench: npm run bench -- --readme FILE -->', '<!-- /bench -->']
  const page = `before\n${marks[0]}\nold\n${marks[1]}\nafter`
  const once = withTables(page, before)
  expect(once.startsWith(`before\n${marks[0]}\n`)).toBe(true)
  expect(once.endsWith(`${marks[1]}\nafter`)).toBe(true)
  expect(once).not.toContain('\nold\n')
  expect(once).toContain(figureTable(before))
  expect(withTables(withTables(page, after), before)).toBe(once)
  expect(() => withTables('no marks', before)).toThrow(/no <!-- bench/)
})
