import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { ServiceName } from '@mailx/dev-tool/deployment'

const root = join(import.meta.dirname, '..', '..')

/** Compiled once for all runs, as by `npm start`: that is most of a short program's time. */
export const compileCache = { NODE_COMPILE_CACHE: join(root, '.cache', 'compiled') }

/** A tool, or a service by the name of its folder. */
export type Program = 'loadtest' | 'mailx' | 'mailxctl' | 'npm start' | 'all-in-one' | ServiceName

const tools: Partial<Readonly<Record<Program, string>>> = {
  loadtest: 'tools/loadtest',
  mailx: 'tools/mailx',
  mailxctl: 'tools/mailxctl',
  'npm start': 'tools/dev',
}

const mainOf = (program: Program) =>
  join(root, tools[program] ?? `services/${program}`, 'src', 'main.ts')

export type Outcome = {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A program at work. */
export type Running = {
  readonly process: ChildProcess
  /** What it has written so far. */
  readonly written: { stdout: string; stderr: string }
  readonly ended: Promise<Outcome>
}

export type RunOptions = {
  /** All that it sees of the environment, but for PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>
  /** What it reads from stdin. */
  readonly input?: string
  readonly cwd?: string
}

/** Starts a program of the project as a person would. */
export const start = (program: Program, args: readonly string[], options: RunOptions = {}) =>
  startCommand([process.execPath, mainOf(program), ...args], options)

/** As `start`, and waits until it ends. */
export const run = (program: Program, args: readonly string[], options?: RunOptions) =>
  start(program, args, options).ended

/** Starts any command. */
export function startCommand(
  [file = '', ...args]: readonly string[],
  { env = {}, input = '', cwd = root }: RunOptions,
): Running {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(file, args, { cwd, env: { PATH, HOME, ...compileCache, ...env } })
  const written = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      written[stream] += text
    })
  }
  // A program that has ended does not read on; that is its right.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
  child.once('error', reject)
  child.once('close', (exitCode) => resolve({ exitCode, ...written }))
  return { process: child, written, ended: promise }
}
