import { existsSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

const ROOM = 4 * 1024 ** 3

/**
 * In memory where there is room. Servers work there as on a disk, with every safety on; only the wait
 * for it is gone, as is the data at a power cut, which no test survives.
 */
export function roomyDir(): string {
  const memory = '/dev/shm'
  if (!existsSync(memory)) return tmpdir()
  const { bavail, bsize } = statfsSync(memory)
  return bavail * bsize >= ROOM ? memory : tmpdir()
}
