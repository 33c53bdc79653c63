import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import type { RunningDeployment } from '@mailx/dev-tool/run-deployment'

/** What the figures were measured on. */
export const describeMachine = () => ({
  date: new Date().toISOString(),
  machine: {
    cpus: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
})

// Clock ticks of /proc/<pid>/stat; 100 a second on every Linux that Node runs on.
const MICROS_PER_TICK = 10_000

type Cpu = Readonly<Record<string, number>>

/** CPU microseconds of each process so far, or since `before` per message. Empty where /proc is not. */
export function cpuOf(
  deployments: readonly RunningDeployment[],
  before?: Cpu,
  messages = 1,
): Record<string, number> {
  const used: Record<string, number> = {}
  for (const { deployment, processes } of deployments) {
    for (const { name, process: child } of processes) {
      const micros = cpuMicros(child.pid)
      if (micros === undefined) continue
      const key = `${deployment.name} ${name}`
      used[key] = before ? Math.round((micros - (before[key] ?? 0)) / messages) : micros
    }
  }
  const own = process.cpuUsage()
  const client = own.user + own.system
  used['load generator'] = before
    ? Math.round((client - (before['load generator'] ?? 0)) / messages)
    : client
  return used
}

function cpuMicros(pid: number | undefined): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK
  } catch {
    return undefined
  }
}
