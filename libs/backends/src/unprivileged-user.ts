import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { MailxError } from '@mailx/errors/mailx-error'

export type User = { readonly name: string; readonly uid: number; readonly gid: number }

const candidates = ['postgres', '_postgres', 'nobody']

/** Who runs Postgres, which refuses to be root: undefined means the user that runs this process. */
export function unprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined
  for (const name of candidates) {
    const uid = idOf('-u', name)
    const gid = idOf('-g', name)
    if (uid !== undefined && gid !== undefined && uid !== 0) return { name, uid, gid }
  }
  throw new MailxError(
    'FAILED_PRECONDITION',
    `Postgres does not run as root, and there is no user ${candidates.join(' or ')} to run it as: make one (useradd --system postgres) or start MailX as a normal user`,
  )
}

function idOf(flag: '-u' | '-g', name: string): number | undefined {
  try {
    return Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }))
  } catch {
    return undefined // no such user: the next candidate
  }
}

/** Whether the user may enter a folder or run a file: its execute bit and those of all above it. */
export function canEnter(path: string, user: User | undefined): boolean {
  if (user === undefined) return true
  const { uid, gid, mode } = statSync(path)
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  const above = dirname(path)
  return above === path || canEnter(above, user)
}
