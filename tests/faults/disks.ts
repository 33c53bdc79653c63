import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, open, rename, rm, statfs, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { installByApt } from '@mailx/backends/apt'
import type { Say } from '@mailx/backends/backend'

const run = promisify(execFile)

/** Gets the programs where they are missing and could be used. */
export async function fetchDiskTools(say: Say): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return
  const missing = programs.filter(([program]) => !found(program)).map(([, name]) => name)
  if (missing.length > 0) await installByApt('tools for disks', missing, say)
}

/** Why this machine cannot mount disk images; undefined when it can. */
export function obstacleToDisks(): string | undefined {
  if (process.platform !== 'linux') return `loop mounts are of Linux, this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'mounting a disk image needs root'
  if (!existsSync('/dev/loop-control')) return 'there are no loop devices here'
  for (const [program, aptPackage] of programs) {
    if (!found(program)) return `${program} is not installed (apt-get install ${aptPackage})`
  }
  return undefined
}

const programs = [
  ['mkfs.ext4', 'e2fsprogs'],
  ['mkfs.xfs', 'xfsprogs'],
] as const

const found = (program: string): boolean =>
  ['/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((dir) => existsSync(join(dir, program)))

/** A file system of its own in a file. */
export type Disk = {
  /** The file. */
  readonly image: string
  /** Where it is mounted. */
  readonly path: string
  /** Leaves no room on it; resolves with how many bytes it took. */
  fill(): Promise<number>
  /** Gives the room back. */
  free(): Promise<void>
  unmount(): Promise<void>
  /** Has the file system of another image in its place. Nobody may have files open on it. */
  becomes(image: string): Promise<void>
}

/** Makes a file system of that size and mounts it. XFS can clone files, ext4 is for everything else. */
export async function makeDisk(
  image: string,
  path: string,
  { bytes, kind = 'ext4' }: { readonly bytes: number; readonly kind?: 'ext4' | 'xfs' },
): Promise<Disk> {
  await writeFile(image, '')
  await truncate(image, bytes)
  if (kind === 'ext4') await run('mkfs.ext4', ['-q', '-m', '0', image])
  else await run('mkfs.xfs', ['-q', '-m', 'reflink=1', image])
  return mountDisk(image, path)
}

/** Mounts what `makeDisk` made, or a clone of it. */
export async function mountDisk(image: string, path: string): Promise<Disk> {
  const mount = async () => {
    await run('mount', ['-o', 'loop', image, path])
    await chmod(path, 0o755)
  }
  await mkdir(path, { recursive: true })
  await mount()
  const ballast = join(path, 'ballast')
  return {
    image,
    path,
    async fill() {
      const { bavail, bsize } = await statfs(path)
      const file = await open(ballast, 'w')
      try {
        // Refused where somebody took the room at the same time, or the book-keeping of the file
        // system did. What it leaves is filled by writing.
        const most = String(Math.max(bavail * bsize - SPARED, bsize))
        await run('fallocate', ['-l', most, ballast]).catch(assertIsFull)
        await writeUntilFull(file)
      } finally {
        await file.close()
      }
      return bavail * bsize
    },
    free: () => rm(ballast, { force: true }),
    unmount: () => unmount(path),
    async becomes(other) {
      await unmount(path)
      await rename(other, image)
      await mount()
    },
  }
}

const LEAVING_MS = 10_000

/** Whoever was killed a moment ago may still be leaving. */
async function unmount(path: string): Promise<void> {
  const deadline = performance.now() + LEAVING_MS
  for (;;) {
    try {
      await run('umount', [path])
      return
    } catch (error) {
      const busy = error instanceof Error && error.message.includes('busy')
      if (!busy || performance.now() > deadline) throw error
      await delay(100)
    }
  }
}

function assertIsFull(error: unknown): void {
  if (!(error instanceof Error) || !error.message.includes('No space left')) throw error
}

const SPARED = 4 * 1024 * 1024
const PIECE = Buffer.alloc(64 * 1024)

async function writeUntilFull(file: Awaited<ReturnType<typeof open>>): Promise<void> {
  let { size: at } = await file.stat()
  for (let length = PIECE.length; length >= 1024; ) {
    try {
      const { bytesWritten } = await file.write(PIECE, 0, length, at)
      at += bytesWritten
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      length /= 2
    }
  }
}

/**
 * A copy of the file as it is at one moment, while it is being written: what a power cut would leave of
 * the disk in it. The file has to lie on a file system that clones.
 */
export async function photograph(image: string, copy: string): Promise<void> {
  await run('cp', ['--reflink=always', image, copy])
}
