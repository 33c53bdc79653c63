import { chmodSync, lstatSync, mkdirSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * The folder of downloads and other things that can be made again: MAILX_CACHE_DIR, else a folder of
 * the user (of the machine for root, because Postgres runs as somebody else then and must read it).
 */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const uid = process.getuid?.() ?? 0
  const home = env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache')
  const candidates = env.MAILX_CACHE_DIR
    ? [env.MAILX_CACHE_DIR]
    : [uid === 0 ? '/var/cache/mailx' : join(home, 'mailx'), join(tmpdir(), `mailx-cache-${uid}`)]
  const problems: string[] = []
  for (const dir of candidates) {
    const problem = problemWith(dir, uid)
    if (problem === undefined) return dir
    problems.push(problem)
  }
  throw new Error(`no folder for downloads: ${problems.join('; ')}; set MAILX_CACHE_DIR`)
}

function problemWith(dir: string, uid: number): string | undefined {
  try {
    // Not by the mode of mkdir, from which the umask takes away.
    if (mkdirSync(dir, { recursive: true }) !== undefined) chmodSync(dir, 0o755)
    // Programs are run from here: a folder that somebody else made in /tmp is not ours.
    const { uid: owner, mode } = lstatSync(dir)
    if (owner === uid && (mode & 0o022) === 0) return undefined
    return `${dir} belongs to another user or is writable by others`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
