import { expect, test } from 'vitest'
import { defaultPlan } from '../load-plan.ts'
import type { LoadResult } from '../load-result.ts'
import { bucketOf, type Interval, noBuckets } from '../meter.ts'
import { findings } from '../verdict.ts'
import type { Verified } from '../verify-journal.ts'
import { columnsOf } from './columns.ts'
import { htmlReport } from './html-report.ts'
import { ticksTo } from './scale.ts'

const percentiles = { p50: 5, p90: 8, p99: 12, p999: 20, max: 31 }

function interval(second: number, notified: number): Interval {
  const buckets = noBuckets()
  buckets[bucketOf(5000)] = notified
  return {
    at: second,
    due: 100,
    sent: 100,
    accepted: 100,
    refused: 0,
    notified,
    backlog: second,
    unheard: 100 - notified,
    accept: percentiles,
    notify: { ...percentiles, p50: second },
    buckets,
    processes: { '<gateway>': { cpuPercent: 12, rssMiB: 90 } },
  }
}

const result: LoadResult = {
  runId: 'r1',
  startedAt: '2026-01-02T03:04:05.000Z',
  users: 10,
  plan: { ...defaultPlan, warmupMs: 1000 },
  sent: 400,
  accepted: 400,
  refused: 0,
  refusals: {},
  unresolved: 0,
  copies: 400,
  unheard: 0,
  resent: 0,
  troubles: { '<code>': 2 },
  measured: {
    messages: 300,
    seconds: 3,
    acceptedPerSecond: 100,
    notifiedPerSecond: 99,
    submitToAcceptedMs: percentiles,
    submitToNotifiedMs: percentiles,
    late: { overMs: 10, messages: 3, longestMs: 40 },
    cpuPerMessage: { '<gateway>': 123.4 },
    stealPercent: 0,
  },
  intervals: [interval(1, 80), interval(2, 100), interval(3, 100), interval(4, 100)],
}
const verdict: Verified = {
  runId: 'r1',
  ended: true,
  tornBytes: 0,
  messages: 400,
  accepted: 400,
  refused: 0,
  copies: 400,
  delivered: 399,
  bounced: 0,
  counts: {
    ...Object.fromEntries(findings.map((kind) => [kind, 0])),
    lost: 1,
  } as Verified['counts'],
  problems: [
    { finding: 'lost', number: 7, id: Uint8Array.of(255), recipient: '<b>@b.test', detail: 'gone' },
  ],
}

test('the page needs nothing but itself', () => {
  const page = htmlReport(result, verdict)
  expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\b(src|href)=/)
  expect(page).not.toMatch(/https?:\/\//)
  expect(page).toContain('prefers-color-scheme:dark')
})

test('what others named is text, not markup', () => {
  const page = htmlReport(result, verdict)
  expect(page).toContain('&lt;gateway&gt;')
  expect(page).toContain('&lt;b&gt;@b.test')
  expect(page).not.toMatch(/<gateway>|<code> 2|<b>@b/)
})

test('it says what became of the messages, and what each process used', () => {
  const page = htmlReport(result, verdict)
  expect(page).toContain('1 lost')
  expect(page).toContain('Not all arrived as it must.')
  expect(page).toContain('<td class="n">123</td>')
  expect(page).toContain('3, the latest by 40 ms')
  const fine = { ...verdict, problems: [], counts: { ...verdict.counts, lost: 0 } }
  expect(htmlReport(result, fine)).toContain('none lost, duplicated, reordered or corrupt')
  expect(htmlReport(result)).toContain('Not verified.')
})

test('every second has its cells in the heat map and its point on each line', () => {
  const page = htmlReport(result, verdict)
  expect(page.match(/<rect class="h\d"/g)).toHaveLength(4)
  for (const [, points = ''] of page.matchAll(/<polyline class="line s\d" points="([^"]*)"/g)) {
    expect(points.split(' ')).toHaveLength(4)
  }
})

test('columns of several seconds keep their sums, their rates and the worst of them', () => {
  const [first, second, ...others] = columnsOf(result.intervals, 2)
  expect(others).toEqual([])
  expect(first).toMatchObject({ from: 0, to: 2, merged: 2, notified: 90, backlog: 2 })
  expect(first?.buckets[bucketOf(5000)]).toBe(180)
  expect(first?.p50).toBeCloseTo((80 * 1 + 100 * 2) / 180)
  expect(second).toMatchObject({ from: 2, to: 4, merged: 2, notified: 100, backlog: 4 })
})

test('ticks are round, begin at 0 and reach the most', () => {
  expect(ticksTo(3.7)).toEqual([0, 1, 2, 3, 4])
  expect(ticksTo(1234)).toEqual([0, 500, 1000, 1500])
  expect(ticksTo(0)).toEqual([0, 1])
})
