import { expect, test } from 'vitest'
import { type Figure, higher, isMet, lower, median } from './figures.ts'
import { withTables } from './readme-tables.ts'
import { Report } from './report.ts'
import { comparison, cpuTable, figureTable } from './tables.ts'

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
  const rows = comparison(before, after).split('\n')
  expect(rows).toHaveLength(4)
  expect(rows[2]).toContain('+150 % better')
  expect(rows[3]).toContain('+25 % worse')
  expect(comparison(after, before).split('\n')[2]).toContain('−60 % worse')
  expect(comparison(before, before)).toContain('same')
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
