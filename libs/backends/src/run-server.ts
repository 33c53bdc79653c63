import { readFile, rm } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Backend, Say } from './backend.ts'
import type { StopSignal } from './guard-process.ts'
import { type ServerPlan, type ServerProcess, startProcess } from './server-process.ts'

type Server = {
  readonly plan: ServerPlan
  readonly url: string
  readonly socketUrl?: string
  readonly port: number
  readonly source: string
  readonly say: Say
}

/** Starts the server of the plan and gives it the handles of a backend. */
export async function runServer(server: Server): Promise<Backend> {
  const { plan, say, port, source } = server
  const began = performance.now()
  let running: ServerProcess = await startPatiently(plan, say)
  let stopped = false
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  say(`${plan.name}: ready on port ${port} after ${seconds} s (${source}, pid ${running.pid})`)

  const end = (signal: StopSignal | 'KILL') => running.end(`SIG${signal}`)
  return {
    url: server.url,
    ...(server.socketUrl === undefined ? {} : { socketUrl: server.socketUrl }),
    port,
    source,
    get pid() {
      return running.isAlive() ? running.pid : undefined
    },
    kill: () => end('KILL'),
    async stop() {
      stopped = true
      await end(plan.stopSignal)
      for (const dir of plan.temporary) await rm(dir, { recursive: true, force: true })
    },
    async restart() {
      if (stopped) throw new MailxError('FAILED_PRECONDITION', `${plan.name} was stopped for good`)
      await end(plan.stopSignal)
      running = await startPatiently(plan, say)
    },
  }
}

const STILL_ENDING = /postmaster\.pid" already exists|pre-existing shared memory|could not lock/i
const PATIENCE_MS = 10_000

/** A server that was killed a moment ago may hold its data folder until its last process is gone. */
async function startPatiently(plan: ServerPlan, say: Say): Promise<ServerProcess> {
  const deadline = Date.now() + PATIENCE_MS
  for (let waited = false; ; waited = true) {
    const before = (await readLog(plan)).length
    try {
      return await startProcess(plan)
    } catch (error) {
      // Not by the error's words: its last lines may all be those of the one that is ending.
      const log = (await readLog(plan)).subarray(before).toString()
      if (!STILL_ENDING.test(log) || Date.now() > deadline) throw error
      if (!waited) say(`${plan.name}: waiting for another server to leave the data folder`)
      await delay(100)
    }
  }
}

const readLog = ({ logFile }: ServerPlan): Promise<Buffer> =>
  readFile(logFile).catch(() => Buffer.alloc(0))
