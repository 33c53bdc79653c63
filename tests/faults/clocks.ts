import { existsSync, readdirSync } from 'node:fs'
import { readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const places = ['/usr/lib', '/lib', '/usr/local/lib']

function libfaketime(): string | undefined {
  for (const place of places.filter(existsSync)) {
    const dirs = [place, ...readdirSync(place).map((name) => join(place, name))]
    for (const dir of dirs) {
      const file = join(dir, 'faketime', 'libfaketimeMT.so.1')
      if (existsSync(file)) return file
    }
  }
  return undefined
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
