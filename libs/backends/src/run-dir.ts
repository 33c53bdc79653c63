import { chown, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { canEnter, type User } from './unprivileged-user.ts'

// A unix socket's path may have 103 bytes on macOS.
const LONGEST_BASE = 60

/** A temporary folder that only `user` can enter: sockets, configuration, the log of a server. */
export async function makeRunDir(
  kind: string,
  { tempDir = tmpdir(), user }: { readonly tempDir?: string; readonly user?: User | undefined },
): Promise<string> {
  const base = tempDir.length <= LONGEST_BASE && canEnter(tempDir, user) ? tempDir : '/tmp'
  const dir = await mkdtemp(join(base, `mailx-${kind}-`))
  if (user !== undefined) await chown(dir, user.uid, user.gid)
  return dir
}
