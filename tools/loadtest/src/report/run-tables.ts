import { lengthOf } from '../arrivals.ts'
import type { LoadResult } from '../load-result.ts'
import { findings } from '../verdict.ts'
import type { Verified } from '../verify-journal.ts'
import { escapeHtml } from './escape-html.ts'
import { shown } from './scale.ts'

/** What the run was asked to do, and what became of its messages. */
export const runTables = (result: LoadResult, verdict: Verified | undefined): string =>
  `<div class="pair">${pairs(settings(result))}${pairs(outcome(result, verdict))}</div>`

type Row = readonly [string, string]

function settings({ plan, users }: LoadResult): Row[] {
  const { pace, recipients, sizes } = plan
  return [
    ['mode', plan.mode],
    ['users', shown(users)],
    [
      'arrivals',
      pace.kind === 'max'
        ? 'as answers come'
        : `${pace.spacing}, whatever became of the ones before`,
    ],
    [
      'length',
      pace.kind === 'max'
        ? `until ${shown(pace.ms / 1000)} s or ${shown(pace.count)} messages`
        : `${shown(lengthOf(pace.steps) / 1000)} s`,
    ],
    ['warm-up', `${shown(plan.warmupMs / 1000)} s, in no figure`],
    ['recipients a message', range(recipients.min, recipients.max)],
    [
      'bytes a message',
      sizes
        .map(
          ({ min, max, weight }) =>
            `${range(min, max)}${sizes.length > 1 ? ` (weight ${weight})` : ''}`,
        )
        .join(', '),
    ],
    ['submitted by', plan.submit === 'stream' ? 'a stream per sender' : 'a call a message'],
    [
      'sealed',
      plan.seal === 'ahead' ? 'before the run began' : 'when it was due, as part of its latency',
    ],
    ['seed', `${plan.seed}`],
  ]
}

function outcome(result: LoadResult, verdict: Verified | undefined): Row[] {
  const { measured, troubles, refusals } = result
  return [
    ['accepted', shown(result.accepted)],
    ['refused', result.refused === 0 ? 'none' : `${shown(result.refused)}: ${counted(refusals)}`],
    ['unresolved', shown(result.unresolved)],
    ['handed over again', shown(result.resent)],
    ['troubles on the way', counted(troubles)],
    ['copies not notified', shown(result.unheard)],
    ...(verdict === undefined
      ? []
      : findings
          .filter((finding) => finding !== 'unresolved')
          .map((finding): Row => [finding, shown(verdict.counts[finding])])),
    ['measured', `${shown(measured.messages)} messages in ${shown(measured.seconds)} s`],
    ...(result.plan.pace.kind === 'max'
      ? []
      : [
          [
            `left over ${measured.late.overMs} ms late`,
            `${shown(measured.late.messages)}, the latest by ${shown(measured.late.longestMs)} ms`,
          ] satisfies Row,
        ]),
    ['taken by other machines', `${measured.stealPercent} % of CPU time`],
  ]
}

const pairs = (rows: readonly Row[]) =>
  `<table><tbody>${rows.map(([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`).join('')}</tbody></table>`

const range = (min: number, max: number) =>
  min === max ? shown(min) : `${shown(min)} to ${shown(max)}`

const counted = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts)
    .map(([code, count]) => `${code} ${shown(count)}`)
    .join(', ') || 'none'
