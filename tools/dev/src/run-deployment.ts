import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { guardProcess } from '@mailx/backends/guard-process'
import { MailxError } from '@mailx/errors/mailx-error'
import { type Deployment, type ServiceName, serviceNames } from './deployment.ts'

const root = new URL('../../..', import.meta.url).pathname

/** One process of a deployment. */
export type ServiceProcess = {
  readonly name: string
  readonly opsPort: number
  readonly process: ChildProcess
  readonly logFile: string
}

export type RunningDeployment = {
  readonly deployment: Deployment
  /** As they run now. */
  readonly processes: readonly ServiceProcess[]
  /** Resolves when every process says that it is ready; rejects with the reasons after the time. */
  ready(timeoutMs: number): Promise<void>
  stop(): Promise<void>
  /** Starts all processes again after `stop`, and resolves when they are ready. */
  restart(): Promise<void>
}

const READY_WITHIN_MS = 60_000

/**
 * Starts a deployment as one process (all seven services in it) or as seven. Logs go to
 * `<logDir>/<deployment>-<service>.log`.
 */
export function runDeployment(
  deployment: Deployment,
  options: {
    readonly separate: boolean
    readonly logDir: string
    readonly env?: Readonly<Record<string, string>>
  },
): RunningDeployment {
  mkdirSync(options.logDir, { recursive: true })
  const env = { ...process.env, ...deployment.env, ...options.env }
  const start = (
    name: ServiceName | 'all-in-one',
    opsPort: number,
    own: Record<string, string>,
  ) => {
    const logFile = join(options.logDir, `${deployment.name}-${name}.log`)
    const log = createWriteStream(logFile, { flags: 'a' })
    const child = spawn(process.execPath, [join(root, 'services', name, 'src', 'main.ts')], {
      cwd: root,
      env: { ...env, ...own },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    guard(child)
    child.stdout.pipe(log)
    child.stderr.pipe(log)
    return { name, opsPort, process: child, logFile }
  }
  const { ports } = deployment
  const startAll = () =>
    options.separate
      ? serviceNames.map((name) => {
          const { grpc, ops } = ports.services[name]
          const own = { GRPC_LISTEN: `127.0.0.1:${grpc}`, OPS_LISTEN: `127.0.0.1:${ops}` }
          return start(name, ops, own)
        })
      : [start('all-in-one', ports.ops, {})]
  let processes = startAll()
  const ready = async (timeoutMs: number) => {
    await Promise.all(processes.map((service) => waitUntilReady(service, timeoutMs)))
  }
  return {
    deployment,
    get processes() {
      return processes
    },
    ready,
    stop: async () => {
      await Promise.all(processes.map(({ process: child }) => stopProcess(child)))
    },
    restart: async () => {
      processes = startAll()
      await ready(READY_WITHIN_MS)
    },
  }
}

/** Has the child ended when this process is killed. */
function guard(child: ChildProcess): void {
  if (child.pid === undefined) return
  const { dismiss } = guardProcess(child.pid, 'TERM', [])
  child.once('exit', dismiss)
}

async function waitUntilReady(service: ServiceProcess, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs
  let answer = 'it has not answered yet'
  while (Date.now() < deadline) {
    if (service.process.exitCode !== null) {
      throw new MailxError(
        'UNAVAILABLE',
        `${service.name} stopped with exit code ${service.process.exitCode}; its log is ${service.logFile}`,
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
async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await exited
  clearTimeout(impatience)
}
