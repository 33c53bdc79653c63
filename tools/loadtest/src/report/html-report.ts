import type { LoadPlan } from '../load-plan.ts'
import type { LoadResult } from '../load-result.ts'
import type { Percentiles } from '../meter.ts'
import { findings, type Problem } from '../verdict.ts'
import type { Verified } from '../verify-journal.ts'
import { type Column, columnsOf } from './columns.ts'
import { escapeHtml } from './escape-html.ts'
import { heatMap } from './heat-map.ts'
import { linePlot, type Series } from './line-plot.ts'
import { pageStyle } from './page-style.ts'
import { processRows } from './process-rows.ts'
import { runTables } from './run-tables.ts'
import { shown } from './scale.ts'

const MOST_COLUMNS = 240
const SHOWN_PROBLEMS = 50

/** A run as a page that needs nothing but itself: no script, no font, no image from anywhere. */
export function htmlReport(result: LoadResult, verdict?: Verified): string {
  const { measured, plan } = result
  const columns = columnsOf(result.intervals, MOST_COLUMNS)
  const frame = { seconds: columns.at(-1)?.to ?? 1, warmup: plan.warmupMs / 1000 }
  const plots = [
    plot('Submit → notified over time', heatMap(columns, frame)),
    plot(
      'Messages a second',
      linePlot(
        [
          line('sent', 1, columns, ({ sent }) => sent),
          line('accepted', 2, columns, ({ accepted }) => accepted),
          line('notified', 3, columns, ({ notified }) => notified),
        ],
        { ...frame, unit: 'messages a second' },
      ),
    ),
    plot(
      'Queues',
      linePlot(
        [
          line('due and not yet answered', 1, columns, ({ backlog }) => backlog),
          line('accepted and not yet notified', 2, columns, ({ unheard }) => unheard),
        ],
        { ...frame, unit: 'messages' },
      ),
    ),
    plot('Processes', processRows(result)),
  ]
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Load test ${escapeHtml(result.runId)}</title><style>${pageStyle}</style></head>
<body><main>
<h1>${escapeHtml(titleOf(plan))}</h1>
<p class="sub">${escapeHtml(result.startedAt)} · run ${escapeHtml(result.runId)} · ${shown(result.users)} users</p>
${banner(result, verdict)}
<div class="tiles">${[
    tile('sent', shown(result.sent)),
    tile('accepted', `${shown(measured.acceptedPerSecond)} <small>/s</small>`),
    tile('notified', `${shown(measured.notifiedPerSecond)} <small>/s</small>`),
    tile('p50 submit → notified', ms(measured.submitToNotifiedMs.p50)),
    tile('p99 submit → notified', ms(measured.submitToNotifiedMs.p99)),
  ].join('')}</div>
${plots.join('\n')}
<section><h2>Latency in milliseconds</h2>${latencyTable(result)}</section>
<section><h2>The run</h2>${runTables(result, verdict)}</section>
${problemTable(verdict)}
</main></body></html>
`
}

const plot = (title: string, body: string) => `<section><h2>${title}</h2>${body}</section>`

const tile = (name: string, value: string) =>
  `<dl class="tile"><dt>${name}</dt><dd>${value}</dd></dl>`

const ms = (value: number) => `${shown(value)} <small>ms</small>`

const line = (
  name: string,
  colour: number,
  columns: readonly Column[],
  value: (column: Column) => number,
): Series => ({
  name,
  colour,
  points: columns.map((column) => [(column.from + column.to) / 2, value(column)]),
})

export function titleOf({ mode, pace, submit }: LoadPlan): string {
  const how =
    pace.kind === 'max'
      ? 'as fast as it goes'
      : pace.steps.length === 1
        ? `at ${shown(pace.steps[0]?.perSecond ?? 0)} messages a second`
        : `at ${pace.steps.map(({ perSecond }) => shown(perSecond)).join(', then ')} messages a second`
  return `${mode === 'local' ? 'Local' : mode === 'federated' ? 'Federated' : 'Local and federated'} ${how}${submit === 'unary' ? ', a call a message' : ''}`
}

function banner(result: LoadResult, verdict: Verified | undefined): string {
  if (verdict === undefined) {
    const open = result.unresolved + result.unheard
    return `<section class="verdict${open > 0 ? ' bad' : ' open'}"><b>Not verified.</b><span>Run <code>loadtest verify</code> with the journal.${open > 0 ? ` ${shown(result.unresolved)} unresolved, ${shown(result.unheard)} not notified.` : ''}</span></section>`
  }
  const { problems, counts, copies, delivered, bounced } = verdict
  const bad = findings.filter((finding) => counts[finding] > 0)
  const text =
    problems.length === 0
      ? `${shown(delivered)} of ${shown(copies)} copies read back from their mailboxes${bounced > 0 ? `, ${shown(bounced)} bounced` : ''}: none lost, duplicated, reordered or corrupt.`
      : bad.map((finding) => `${shown(counts[finding])} ${finding}`).join(', ')
  return `<section class="verdict${problems.length > 0 ? ' bad' : ''}"><b>${problems.length > 0 ? 'Not all arrived as it must.' : 'All accounted for.'}</b><span>${text}</span></section>`
}

function latencyTable({ measured }: LoadResult): string {
  return `<div class="wide"><table><thead><tr><th></th>${['p50', 'p90', 'p99', 'p99.9', 'max'].map((name) => `<th scope="col" class="n">${name}</th>`).join('')}</tr></thead><tbody>${latencyRow('submit → accepted', measured.submitToAcceptedMs)}${latencyRow('submit → notified', measured.submitToNotifiedMs)}</tbody></table></div>`
}

function problemTable(verdict: Verified | undefined): string {
  if (verdict === undefined || verdict.problems.length === 0) return ''
  const { problems } = verdict
  const more = problems.length - SHOWN_PROBLEMS
  return `<section><h2>Problems</h2><div class="wide"><table><thead><tr><th>finding</th><th class="n">message</th><th>id</th><th>recipient</th><th>detail</th></tr></thead><tbody>${problems.slice(0, SHOWN_PROBLEMS).map(problemRow).join('')}</tbody></table></div>${more > 0 ? `<p class="none">and ${shown(more)} more: loadtest verify --json has all</p>` : ''}</section>`
}

const latencyRow = (name: string, { p50, p90, p99, p999, max }: Percentiles) =>
  `<tr><th scope="row">${name}</th>${[p50, p90, p99, p999, max].map((value) => `<td class="n">${value.toFixed(2)}</td>`).join('')}</tr>`

const problemRow = ({ finding, number, id, recipient, detail }: Problem) =>
  `<tr><td>${finding}</td><td class="n">${number}</td><td class="id">${Buffer.from(id).toString('hex')}</td><td>${escapeHtml(recipient)}</td><td>${escapeHtml(detail)}</td></tr>`
