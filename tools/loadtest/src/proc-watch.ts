import { readFileSync } from 'node:fs'
import type { Usage, Usages, Watch } from './processes.ts'

// Clock ticks of /proc/<pid>/stat: 100 a second on every Linux that Node runs on.
const MICROS_PER_TICK = 10_000

/** A process of this machine. With `family`, those that it started count as part of it. */
export type Watched = {
  readonly name: string
  readonly pid: () => number | undefined
  readonly family?: boolean
}

/** Reads /proc, and of this process its own count. Empty where there is no /proc. */
export function procWatch(watched: readonly Watched[]): Watch {
  return async () => {
    const usages: Record<string, Usage> = {}
    for (const { name, pid, family = false } of watched) {
      const id = pid()
      if (id === undefined) continue
      const usage = family ? familyUsage(id) : processUsage(id)
      if (usage !== undefined) usages[name] = usage
    }
    return usages
  }
}

/** The name of this process in reports. */
export const LOAD_GENERATOR = 'load generator'

/** This process itself, to the microsecond. */
export function ownUsage(): Usages {
  const { user, system } = process.cpuUsage()
  return { [LOAD_GENERATOR]: { cpuMicros: user + system, rssBytes: process.memoryUsage.rss() } }
}

function processUsage(pid: number): Usage | undefined {
  const stat = statOf(pid)
  const memory = memoryOf(pid)
  return stat && memory && { cpuMicros: stat.cpuMicros, rssBytes: memory.own + memory.shared }
}

/** A server with a process per connection: memory that they share counts once. */
function familyUsage(pid: number): Usage | undefined {
  const parent = statOf(pid)
  if (parent === undefined) return undefined
  let cpuMicros = parent.cpuMicros + parent.endedMicros
  let own = 0
  let shared = 0
  const children = read(`/proc/${pid}/task/${pid}/children`)
  if (children === undefined) return undefined
  for (const id of [pid, ...children.split(' ').filter(Boolean).map(Number)]) {
    if (id !== pid) cpuMicros += statOf(id)?.cpuMicros ?? 0
    const memory = memoryOf(id)
    own += memory?.own ?? 0
    shared = Math.max(shared, memory?.shared ?? 0)
  }
  return { cpuMicros, rssBytes: own + shared }
}

type Stat = {
  readonly cpuMicros: number
  /** Of children that ended and were waited for. */
  readonly endedMicros: number
}

function statOf(pid: number): Stat | undefined {
  const text = read(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // The name of the program, in brackets, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = (from: number) => Number(fields[from]) + Number(fields[from + 1])
  return {
    cpuMicros: ticks(11) * MICROS_PER_TICK,
    endedMicros: ticks(13) * MICROS_PER_TICK,
  }
}

function memoryOf(pid: number): { readonly own: number; readonly shared: number } | undefined {
  const text = read(`/proc/${pid}/status`)
  if (text === undefined) return undefined
  const bytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
  return { own: bytes('RssAnon'), shared: bytes('RssFile') + bytes('RssShmem') }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** CPU ticks of the whole machine: all, and those that the hypervisor gave to others. */
export function machineTicks(): { readonly all: number; readonly stolen: number } {
  const fields = (read('/proc/stat') ?? '').split('\n')[0]?.split(/\s+/).slice(1, 9) ?? []
  const ticks = fields.map(Number)
  return { all: ticks.reduce((sum, one) => sum + one, 0), stolen: ticks[7] ?? 0 }
}
