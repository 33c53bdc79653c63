import { existsSync, readdirSync } from 'node:fs'
import { readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { installByApt, unpackByApt } from '@mailx/backends/apt'
import type { Say } from '@mailx/backends/backend'
import { cacheDir } from '@mailx/backends/cache-dir'

/** Where it lies when it was only unpacked. */
const unpacked = () => join(cacheDir(), 'libfaketime')

const places = () => ['/usr/lib', '/lib', '/usr/local/lib', join(unpacked(), 'usr/lib')]

function libfaketime(): string | undefined {
  for (const place of places().filter(existsSync)) {
    const dirs = [place, ...readdirSync(place).map((name) => join(place, name))]
    for (const dir of dirs) {
      const file = join(dir, 'faketime', 'libfaketimeMT.so.1')
      if (existsSync(file)) return file
    }
  }
  return undefined
}

/** Gets libfaketime where it is missing and apt has it, as root or not. */
export async function fetchFaketime(say: Say): Promise<void> {
  if (process.platform !== 'linux' || libfaketime() !== undefined) return
  const packages = ['faketime']
  const refusal = await installByApt('libfaketime', packages, say)
  if (refusal !== undefined) await unpackByApt('libfaketime', packages, unpacked(), say)
}

/** Why clocks cannot be moved here; undefined when they can. */
export function obstacleToClocks(): string | undefined {
  if (process.platform !== 'linux')
    return `libfaketime is used on Linux, this is ${process.platform}`
  if (libfaketime() === undefined) return 'libfaketime is not installed (apt-get install faketime)'
  return undefined
}

/** What a process needs so that its clock is moved by what `file` says. Timers run as ever. */
export function clockEnv(file: string): Readonly<Record<string, string>> {
  const library = libfaketime()
  if (library === undefined) throw new Error('libfaketime is not installed')
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_DONT_RESET: '1',
  }
}

/** Moves the clocks that follow the file to so many seconds from the true time. */
export async function setClock(file: string, offsetSeconds: number): Promise<void> {
  const next = `${file}.next`
  await writeFile(next, `${offsetSeconds >= 0 ? '+' : ''}${offsetSeconds}\n`, { mode: 0o644 })
  await rename(next, file)
}

const NEAR_S = 60
const MOVES_WITHIN_MS = 10_000

/**
 * Resolves when the clocks of the processes are so many seconds from the true time, as the Date of their
 * answers has it; rejects when they do not get there.
 */
export async function clocksAre(opsPorts: readonly number[], offsetSeconds: number): Promise<void> {
  const deadline = performance.now() + MOVES_WITHIN_MS
  for (const port of opsPorts) {
    let offset = await offsetOf(port)
    while (!(Math.abs(offset - offsetSeconds) < NEAR_S)) {
      if (performance.now() > deadline) {
        throw new Error(`a clock is ${offset} s from the true time, not ${offsetSeconds} s`)
      }
      await delay(100)
      offset = await offsetOf(port)
    }
  }
}

/** In seconds; not a number when it does not answer. */
async function offsetOf(opsPort: number): Promise<number> {
  try {
    const signal = AbortSignal.timeout(2_000)
    const response = await fetch(`http://127.0.0.1:${opsPort}/livez`, { signal })
    await response.arrayBuffer()
    return Math.round((Date.parse(response.headers.get('date') ?? '') - Date.now()) / 1000)
  } catch {
    return Number.NaN
  }
}

const SHARED = '/dev/shm'

/** Removes the shared memory that libfaketime leaves behind of every process that was killed. */
export async function sweepClocks(): Promise<void> {
  for (const name of await readdir(SHARED)) {
    const pid = /^(?:sem\.faketime_sem|faketime_shm)_(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) {
      await rm(join(SHARED, name), { force: true })
    }
  }
}
