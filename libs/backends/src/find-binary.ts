import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { MailxError } from '@mailx/errors/mailx-error'
import { installByApt, unpackByApt } from './apt.ts'
import type { Say } from './backend.ts'
import { cacheDir } from './cache-dir.ts'
import { installByHomebrew } from './homebrew.ts'

const run = promisify(execFile)

/** A server program and the packages that have it. */
export type Program = {
  readonly title: string
  /** The first one is also the name of its folder in the cache. */
  readonly names: readonly string[]
  /** Environment variable that names the file. */
  readonly variable: string
  readonly minimum: readonly [major: number, minor: number, patch: number]
  readonly aptPackages: readonly string[]
  readonly brewFormula: string
}

export type Binary = {
  readonly file: string
  readonly version: string
  /** What it needs besides the usual environment. */
  readonly env: Readonly<Record<string, string>>
}

// Where servers are installed, but the PATH of a normal user often does not look.
const usualDirs = [
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/bin',
  '/usr/sbin',
  '/opt/homebrew/bin',
  '/home/linuxbrew/.linuxbrew/bin',
]

/**
 * The program, fetched if need be. In this order: its environment variable, the PATH, what an
 * earlier run left in the cache, apt-get, Homebrew. Throws with one line per place that has none.
 */
export async function findBinary(program: Program, say: Say): Promise<Binary> {
  const named = process.env[program.variable]
  if (named !== undefined && named !== '') return inspect(program, named)

  const cache = join(cacheDir(), program.names[0] ?? program.title)
  const onPath = () => firstFit(program, searchPath())
  const inCache = () => firstFit(program, [join(cache, 'usr/bin'), join(cache, 'usr/sbin')], cache)
  const places: [string, () => Promise<Binary | string>][] = [
    ['PATH', onPath],
    [cache, inCache],
    ['apt-get install', after(() => installByApt(program.title, program.aptPackages, say), onPath)],
    [
      'apt-get download',
      after(() => unpackByApt(program.title, program.aptPackages, cache, say), inCache),
    ],
    ['Homebrew', after(() => installByHomebrew(program.title, program.brewFormula, say), onPath)],
  ]
  const problems: string[] = []
  for (const [place, look] of places) {
    const found = await look()
    if (typeof found !== 'string') return found
    problems.push(`${place}: ${found}`)
  }
  throw new MailxError('UNAVAILABLE', problems.join('\n'))
}

type Look = () => Promise<Binary | string>

/** Installs, and looks again where it must be now. `install` returns why it cannot. */
const after =
  (install: () => Promise<string | undefined>, look: Look): Look =>
  async () =>
    (await install()) ?? (await look())

const searchPath = () => [
  ...new Set([...(process.env.PATH ?? '').split(delimiter).filter(Boolean), ...usualDirs]),
]

/** The first one that runs and is new enough, or why there is none. */
async function firstFit(
  program: Program,
  dirs: readonly string[],
  libraries?: string,
): Promise<Binary | string> {
  const problems = new Set<string>()
  for (const name of program.names) {
    for (const file of dirs.map((dir) => join(dir, name)).filter((path) => existsSync(path))) {
      try {
        return await inspect(program, file, libraries)
      } catch (error) {
        problems.add(error instanceof Error ? error.message : String(error))
      }
    }
  }
  return [...problems].join('; ') || `no ${program.names.join(' or ')}`
}

/** Runs it once: a program that does not start or is too old is no use. */
async function inspect(program: Program, file: string, unpackedIn?: string): Promise<Binary> {
  const env = unpackedIn === undefined ? {} : libraryPath(unpackedIn)
  const { stdout } = await run(file, ['--version'], { env: { ...process.env, ...env } })
  const [, major, minor, patch] = /v(?:ersion |=)?(\d+)\.(\d+)\.(\d+)/.exec(stdout) ?? []
  const version = `${major}.${minor}.${patch}`
  if (isOlder([Number(major), Number(minor), Number(patch)], program.minimum)) {
    const wanted = program.minimum.join('.')
    throw new MailxError(
      'FAILED_PRECONDITION',
      `${file} is ${version}, at least ${wanted} is needed`,
    )
  }
  return { file, version, env }
}

function isOlder(version: readonly number[], minimum: readonly number[]): boolean {
  const index = minimum.findIndex((part, at) => part !== version[at])
  // A version that could not be read compares as false: the server itself will tell.
  return index !== -1 && (version[index] ?? 0) < (minimum[index] ?? 0)
}

/** The libraries that were unpacked beside a program; the ones of the system come after them. */
function libraryPath(root: string): Record<string, string> {
  const triplet = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`
  const dirs = ['usr/lib', 'lib'].flatMap((dir) => [join(root, dir, triplet), join(root, dir)])
  return { LD_LIBRARY_PATH: dirs.join(delimiter) }
}
