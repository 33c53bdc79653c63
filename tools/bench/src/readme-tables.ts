import { MailxError } from '@mailx/errors/mailx-error'
import { growthTable, memoryTable, withoutGrowth } from './growth-table.ts'
import type { Report } from './report.ts'
import { cpuTable, figureTable, shown } from './tables.ts'

const START = '<!-- bench: npm run bench -- --readme FILE -->'
const END = '<!-- /bench -->'

/** The page with the report's tables between its marks. Throws NOT_FOUND where there are none. */
export function withTables(page: string, report: Report): string {
  const start = page.indexOf(START)
  const end = page.indexOf(END, start)
  if (start < 0 || end < 0) throw new MailxError('NOT_FOUND', `the page has no ${START} … ${END}`)
  return `${page.slice(0, start)}${START}\n\n${described(report)}\n\n${page.slice(end)}`
}

const described = (report: Report): string =>
  [
    `${report.date.slice(0, 10)}, ${machineOf(report)}:`,
    figureTable(withoutGrowth(report)),
    'Microseconds of CPU for each message, by process:',
    cpuTable(withoutGrowth(report)),
    ...growth(report),
    ...memory(report),
  ].join('\n\n')

function growth(report: Report): string[] {
  const rows = growthTable(report)
  return rows === undefined ? [] : ['What a message costs must not grow:', rows]
}

function memory(report: Report): string[] {
  const rows = memoryTable(report)
  const { rate, time } = report.results['memory']?.figures ?? {}
  if (rows === undefined || rate === undefined) return []
  const long = time === undefined ? '' : `, over ${shown(time)}`
  return [`And memory at ${shown(rate)}, 80 % of the most${long}:`, rows]
}

function machineOf({ machine, versions }: Report): string {
  return `${of(machine, 'cpus')} × ${of(machine, 'model')}, ${of(machine, 'memoryGiB')} GiB, ${of(machine, 'system')}, Node ${of(versions, 'node')}, Postgres ${of(versions, 'postgres')}`
}

/** A number or a word of the report. */
function of(record: Readonly<Record<string, unknown>>, key: string): string {
  const value = record[key]
  return typeof value === 'string' || typeof value === 'number' ? `${value}` : '?'
}
