import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Say } from './backend.ts'

const run = promisify(execFile)
// One at a time: apt-get locks its folders against itself.
let last: Promise<unknown> = Promise.resolve()
const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
  const mine = last.then(work)
  last = mine.catch(() => undefined)
  return mine
}

const isRoot = () => process.getuid?.() === 0
const hasApt = () => existsSync('/usr/bin/apt-get')
const whyNot = (error: unknown) => {
  const { stderr, message } = error as { stderr?: string; message: string }
  const lines = (stderr || message).split('\n').filter((line) => line.startsWith('E:'))
  return lines[0] ?? message.split('\n')[0] ?? 'failed'
}

/** Installs packages as root. Returns why it cannot, or undefined. */
export async function installByApt(
  title: string,
  packages: readonly string[],
  say: Say,
): Promise<string | undefined> {
  if (!hasApt()) return 'there is no apt-get'
  if (!isRoot()) return 'not root'
  // There, installing a server package also starts the server, which nobody asked for.
  if (existsSync('/run/systemd/system')) return 'left alone on a machine that systemd runs'
  say(`${title}: apt-get install ${packages.join(' ')}`)
  const install = () =>
    aptGet(['install', '-y', '-q', '--no-install-recommends', ...packages], [], '/')
  return inTurn(async () => {
    try {
      await install().catch(async (error: unknown) => {
        refuseUnlessListsAreOld(error)
        say(`${title}: apt-get update, because the package lists are missing or old`)
        await aptGet(['update', '-q'], [], '/')
        await install()
      })
      return undefined
    } catch (error) {
      return whyNot(error)
    }
  })
}

/**
 * Downloads packages, and those they need that are not installed, and unpacks them into `dir`:
 * nothing on the machine changes, and no root is needed. Returns why it cannot, or undefined.
 */
export async function unpackByApt(
  title: string,
  packages: readonly string[],
  dir: string,
  say: Say,
): Promise<string | undefined> {
  if (!hasApt()) return 'there is no apt-get'
  return inTurn(async () => {
    await mkdir(dirname(dir), { recursive: true })
    const work = await mkdtemp(`${dir}.`)
    try {
      say(`${title}: apt-get download ${packages.join(' ')} into ${dir}`)
      await download(packages, work, []).catch(async (error: unknown) => {
        refuseUnlessListsAreOld(error)
        say(`${title}: apt-get update, because the package lists are missing or old`)
        const lists = isRoot() ? [] : await privateLists(work)
        await aptGet(['update', '-q'], lists, work)
        await download(packages, work, lists)
      })
      await unpack(work, dir)
      return undefined
    } catch (error) {
      return whyNot(error)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  })
}

async function unpack(work: string, dir: string): Promise<void> {
  const root = join(work, 'root')
  const files = (await readdir(work)).filter((name) => name.endsWith('.deb'))
  for (const file of files) await run('dpkg', ['-x', join(work, file), root])
  await rm(dir, { recursive: true, force: true })
  await rename(root, dir)
}

const OLD_LISTS = /unable to locate|no installation candidate|failed to fetch|404 /i

function refuseUnlessListsAreOld(error: unknown): void {
  const { stderr = '' } = error as { stderr?: string }
  if (!OLD_LISTS.test(stderr)) throw error
}

async function download(packages: readonly string[], work: string, options: readonly string[]) {
  const plan = await aptGet(
    ['install', '-s', '--no-install-recommends', ...packages],
    options,
    work,
  )
  // "Inst name (version …)"; with the old version in brackets it is an upgrade of what is there.
  const missing = [...plan.matchAll(/^Inst (\S+) \(/gm)].map(([, name]) => name ?? '')
  await aptGet(['download', '-q', ...new Set([...packages, ...missing])], options, work)
}

/** Package lists of our own, for a user who may not write those of the machine. */
async function privateLists(work: string): Promise<string[]> {
  const state = join(work, 'state')
  const cache = join(work, 'cache')
  await mkdir(join(state, 'lists/partial'), { recursive: true })
  await mkdir(join(cache, 'archives/partial'), { recursive: true })
  return [
    `Dir::State=${state}`,
    `Dir::Cache=${cache}`,
    'Dir::State::status=/var/lib/dpkg/status',
    'Debug::NoLocking=1',
  ].flatMap((option) => ['-o', option])
}

async function aptGet(args: readonly string[], options: readonly string[], cwd: string) {
  // Somebody else may be installing: wait for them.
  const patience = ['-o', 'DPkg::Lock::Timeout=120']
  const { stdout } = await run('apt-get', [...patience, ...options, ...args], {
    cwd,
    maxBuffer: 64 * 1024 * 1024,
    // RUNLEVEL keeps the packages' scripts from starting the servers.
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  })
  return stdout
}
