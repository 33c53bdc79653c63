import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Say } from './backend.ts'

const run = promisify(execFile)

/** Installs a formula; that starts no server. Returns why it cannot, or undefined. */
export async function installByHomebrew(
  title: string,
  formula: string,
  say: Say,
): Promise<string | undefined> {
  const brew = await findBrew()
  if (brew === undefined) return 'there is no brew'
  if (process.getuid?.() === 0) return 'brew does not run as root'
  say(`${title}: brew install ${formula}`)
  try {
    await run(brew, ['install', formula], {
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, HOMEBREW_NO_AUTO_UPDATE: '1', HOMEBREW_NO_INSTALL_CLEANUP: '1' },
    })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function findBrew(): Promise<string | undefined> {
  const places = ['brew', '/opt/homebrew/bin/brew', '/usr/local/bin/brew']
  for (const brew of [...places, '/home/linuxbrew/.linuxbrew/bin/brew']) {
    try {
      await run(brew, ['--prefix'])
      return brew
    } catch {
      // not here: the next place
    }
  }
  return undefined
}
