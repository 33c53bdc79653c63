import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { guardProcess } from '@mailx/backends/guard-process'
import { MailxError } from '@mailx/errors/mailx-error'
import type { ServiceName } from './deployment.ts'
import { fromCheckout, type ProgramOf } from './program-of.ts'

export const root = new URL('../../..', import.meta.url).pathname

export type ProcessName = ServiceName | 'all-in-one'

/** One process of a deployment. */
export type ServiceProcess = {
  readonly name: ProcessName
  /** From 0, among the processes of this name. */
  readonly instance: number
  readonly opsPort: number
  readonly process: ChildProcess
  readonly logFile: string
}

export type ProcessPlan = Omit<ServiceProcess, 'process'> & {
  /** On top of the environment of this process. */
  readonly env: Readonly<Record<string, string>>
  /** The checkout whose code runs. Left out: this one. */
  readonly tree?: string
  /** What `npm run build` made of the code, instead of the code. */
  readonly bundled?: boolean
  /** How it is run. Left out: from the checkout. */
  readonly programOf?: ProgramOf
}

/** Starts it; what it says is added to its log. */
export function startProcess(all: ProcessPlan): ServiceProcess {
  const { env, tree = root, bundled = false, ...rest } = all
  const { programOf = fromCheckout(tree, bundled), ...plan } = rest
  const log = createWriteStream(plan.logFile, { flags: 'a' })
  const [file, ...args] = programOf(plan.name, env)
  const child = spawn(file, args, {
    cwd: tree,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  guard(child)
  child.stdout.pipe(log)
  child.stderr.pipe(log)
  return { ...plan, process: child }
}

/** Has the child ended when this process is killed. */
function guard(child: ChildProcess): void {
  if (child.pid === undefined) return
  const { dismiss } = guardProcess(child.pid, 'TERM', [])
  child.once('exit', dismiss)
}

/** Resolves when it says that it is ready; rejects with the reasons after the time. */
export async function waitUntilReady(service: ServiceProcess, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs
  let answer = 'it has not answered yet'
  while (Date.now() < deadline) {
    if (hasEnded(service.process)) {
      const { exitCode, signalCode } = service.process
      throw new MailxError(
        'UNAVAILABLE',
        `${service.name} stopped with ${signalCode ?? `exit code ${exitCode}`}; its log is ${service.logFile}`,
      )
    }
    try {
      const response = await fetch(`http://127.0.0.1:${service.opsPort}/readyz`, {
        signal: AbortSignal.timeout(1000),
      })
      if (response.ok) return
      answer = await response.text()
    } catch (error) {
      answer = error instanceof Error ? error.message : String(error)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new MailxError(
    'DEADLINE_EXCEEDED',
    `${service.name} is not ready after ${timeoutMs} ms: ${answer}; its log is ${service.logFile}`,
  )
}

/** SIGTERM, and SIGKILL when that was not heard for ten seconds. */
export async function stopProcess({ process: child }: ServiceProcess): Promise<void> {
  if (hasEnded(child)) return
  const gone = exited(child)
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await gone
  clearTimeout(impatience)
}

/** SIGKILL; resolves when it is gone. */
export async function killProcess({ process: child }: ServiceProcess): Promise<void> {
  if (hasEnded(child)) return
  const gone = exited(child)
  child.kill('SIGKILL')
  await gone
}

export const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null

const exited = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => child.once('exit', () => resolve()))
