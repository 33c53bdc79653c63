import type { ServiceReport } from './read-services.ts'

const MOST = 8
const WIDEST = 160

const failures: Readonly<Record<string, string>> = {
  mailx_log_append_failures_total: 'appends refused',
  mailx_bus_publish_failures_total: 'publishing failed',
  mailx_projection_failures_total: 'pages failed',
  mailx_redis_failures_total: 'Redis commands failed',
  mailx_inbound_rejections_total: 'connections of peers ended',
}

/** What the processes logged last as warnings and errors, and what they count as failed since their start. */
export function troublesOf(services: readonly ServiceReport[], now: Date): string[] {
  if (services.length === 0) return ['  not asked']
  const logged = services
    .flatMap(({ service, troubles }) => troubles.map((trouble) => ({ ...trouble, service })))
    .toSorted((a, b) => (a.at < b.at ? 1 : -1))
  const lines = [
    ...logged.slice(0, MOST).map(({ at, count, level, message, reason, service }) => {
      const what = `${message}${reason === '' ? '' : `: ${reason}`}`
      const times = count === 1 ? '' : `, ${count} times`
      return `  ${ago(at, now)}  ${service}: ${short(what)} (${level}${times})`
    }),
    ...(logged.length > MOST ? [`  and ${logged.length - MOST} others (support-bundle)`] : []),
    ...services.flatMap(countedBy),
  ]
  return lines.length === 0 ? ['  none since the start'] : lines
}

function countedBy({ samples, service }: ServiceReport): string[] {
  return samples.flatMap(({ labels, name, value }) => {
    const what = failures[name]
    if (what === undefined || value === 0 || labels['code'] === 'CONFLICT') return []
    const { code, context, projection } = labels
    const where = [context, projection, code].filter(Boolean).join(' ')
    return [`  ${service}: ${value} ${what} (${where})`]
  })
}

const short = (text: string): string => (text.length > WIDEST ? `${text.slice(0, WIDEST)}…` : text)

function ago(at: string, now: Date): string {
  const seconds = Math.max(0, Math.round((now.getTime() - Date.parse(at)) / 1000))
  if (seconds < 120) return `${seconds} s ago`
  return seconds < 7200
    ? `${Math.round(seconds / 60)} min ago`
    : `${Math.round(seconds / 3600)} h ago`
}
