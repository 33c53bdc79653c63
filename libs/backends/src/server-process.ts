import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { MailxError } from '@mailx/errors/mailx-error'
import { guardProcess, type StopSignal } from './guard-process.ts'

export type ServerPlan = {
  /** For messages: 'Postgres'. */
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  readonly logFile: string
  readonly stopSignal: StopSignal
  /** Asked again and again until it says yes. */
  readonly isReady: (pid: number) => Promise<boolean>
  /** Folders to remove when this process dies without stopping the server. */
  readonly temporary: readonly string[]
}

export type ServerProcess = {
  readonly pid: number
  isAlive(): boolean
  /** Sends the signal and resolves when the process is gone. */
  end(signal: NodeJS.Signals): Promise<void>
}

const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 15_000
const POLL_MS = 10

/** Starts the server, waits until it is ready, and sees to it that it dies with this process. */
export async function startProcess(plan: ServerPlan): Promise<ServerProcess> {
  const log = openSync(plan.logFile, 'a', 0o600)
  const child = spawn(plan.file, plan.args, {
    env: plan.env,
    cwd: '/',
    stdio: ['ignore', log, log],
    // A session of its own: Ctrl-C in a terminal must not end it before those who use it.
    detached: true,
    ...(plan.user === undefined ? {} : { uid: plan.user.uid, gid: plan.user.gid }),
  })
  closeSync(log)
  const gone = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(`ended with ${signal ?? `exit code ${code}`}`))
  })
  const { pid } = child
  if (pid === undefined) throw await failure(plan, await gone)
  const guard = guardProcess(pid, plan.stopSignal, plan.temporary)
  child.unref()
  void gone.then(() => guard.dismiss())

  const problem = await waitUntilReady(plan, pid, gone)
  if (problem !== undefined) {
    await end(child, gone, 'SIGKILL')
    throw await failure(plan, problem)
  }
  return { pid, isAlive: () => isAlive(child), end: (signal) => end(child, gone, signal) }
}

async function waitUntilReady(plan: ServerPlan, pid: number, gone: Promise<string>) {
  const deadline = Date.now() + READY_WITHIN_MS
  for (;;) {
    const problem = await Promise.race([gone, delay(POLL_MS, undefined)])
    if (problem !== undefined) return problem
    if (await plan.isReady(pid)) return undefined
    if (Date.now() > deadline) return `was not ready after ${READY_WITHIN_MS / 1000} s`
  }
}

const isAlive = (child: ChildProcess) => child.exitCode === null && child.signalCode === null

async function end(child: ChildProcess, gone: Promise<string>, signal: NodeJS.Signals) {
  if (!isAlive(child)) return
  // The event loop must stay alive while somebody waits for the end.
  child.ref()
  const insist = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
  child.kill(signal)
  await gone
  clearTimeout(insist)
}

async function failure(plan: ServerPlan, problem: string): Promise<MailxError> {
  const log = await readFile(plan.logFile, 'utf8')
  const tail = log.trim().split('\n').slice(-12).join('\n')
  const words = `${plan.name} (${plan.file}) ${problem}${tail === '' ? '' : `:\n${tail}`}`
  return new MailxError('UNAVAILABLE', words)
}
