import { availableParallelism, loadavg } from 'node:os'

/** How many processes wanted a CPU in the last minute. */
export const loadNow = (): number => Math.round((loadavg()[0] ?? 0) * 10) / 10

export const loadText = (load: number): string => `load ${load} on ${availableParallelism()} CPUs`
