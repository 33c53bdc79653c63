/** What a process has used since it began, and holds now. */
export type Usage = { readonly cpuMicros: number; readonly rssBytes: number }

/** By the name under which a report shows the process. */
export type Usages = Readonly<Record<string, Usage>>

/** Asks all processes that are watched. One that does not answer is left out. */
export type Watch = () => Promise<Usages>

export const watchNothing: Watch = async () => ({})

/** CPU microseconds per message by process; a process that was not there before counts from 0. */
export function cpuPerMessage(
  before: Usages,
  after: Usages,
  messages: number,
): Record<string, number> {
  const used = Object.entries(after).map(([name, { cpuMicros }]) => {
    const micros = cpuMicros - (before[name]?.cpuMicros ?? 0)
    return [name, Math.round((micros / Math.max(1, messages)) * 10) / 10] as const
  })
  return Object.fromEntries(used)
}
