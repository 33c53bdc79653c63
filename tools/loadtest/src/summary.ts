import type { LoadResult } from './load-result.ts'
import type { Percentiles } from './meter.ts'
import { findings } from './verdict.ts'
import type { Verified } from './verify-journal.ts'

/** A run's result for people. */
export function runSummary(result: LoadResult): string {
  const { measured } = result
  const cpu = Object.entries(measured.cpuPerMessage)
  const lines = [
    line('sent', whole(result.sent)),
    line('accepted', `${whole(result.accepted)} (${whole(measured.acceptedPerSecond)}/s)`),
    line(
      'notified',
      `${whole(result.copies - result.unheard)} (${whole(measured.notifiedPerSecond)}/s)`,
    ),
    line('submit → accepted', latencies(measured.submitToAcceptedMs)),
    line('submit → notified', latencies(measured.submitToNotifiedMs)),
    ...(cpu.length > 0
      ? [line('CPU µs a message', cpu.map(([name, micros]) => `${name} ${micros}`).join(', '))]
      : []),
    ...(result.refused > 0 ? [line('refused', counted(result.refusals))] : []),
    ...(result.resent > 0 ? [line('handed over again', whole(result.resent))] : []),
    ...(Object.keys(result.troubles).length > 0
      ? [line('troubles', counted(result.troubles))]
      : []),
    ...(result.unresolved > 0 ? [line('unresolved', whole(result.unresolved))] : []),
    ...(result.unheard > 0 ? [line('not notified', whole(result.unheard))] : []),
  ]
  return lines.join('\n')
}

const SHOWN = 20

/** A verdict for people. */
export function verdictSummary(verdict: Verified): string {
  const { counts, problems, copies, delivered, bounced } = verdict
  const shown = problems.slice(0, SHOWN).map(({ finding, number, id, recipient, detail }) => {
    const uuid = Buffer.from(id)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    return `${finding}: message ${number} (${uuid}) ${recipient && `to ${recipient}: `}${detail}`
  })
  const more = problems.length - shown.length
  return [
    line(
      'messages',
      `${whole(verdict.messages)}, accepted ${whole(verdict.accepted)}, refused ${whole(verdict.refused)}`,
    ),
    line('copies', `${whole(copies)}, delivered ${whole(delivered)}, bounced ${whole(bounced)}`),
    ...findings.map((finding) => line(finding, whole(counts[finding]))),
    ...(verdict.ended ? [] : ['the journal breaks off: the run did not come to its end']),
    ...(verdict.tornBytes > 0 ? [`its last ${verdict.tornBytes} bytes are not whole`] : []),
    ...shown,
    ...(more > 0 ? [`and ${more} more (--json has all)`] : []),
  ].join('\n')
}

export const hasProblems = ({ problems }: Verified): boolean => problems.length > 0

const line = (name: string, value: string) => `${name.padEnd(20)}${value}`
const whole = (value: number) => value.toLocaleString('en-US')
const latencies = ({ p50, p90, p99, max }: Percentiles) =>
  `p50 ${p50} ms, p90 ${p90} ms, p99 ${p99} ms, max ${max} ms`
const counted = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts)
    .map(([code, count]) => `${code} ${whole(count)}`)
    .join(', ')
