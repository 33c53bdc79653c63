// What it costs the gateway to accept a message, gRPC and TLS left out, as JSON:
//   node services/gateway/bench/accept-submission.ts
// `check` is what happens before the log, `accept` all of it up to COMMIT. It starts its own Postgres.
import { startPostgres } from '@mailx/backends/start-postgres'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { logMigrations, migrate } from '@mailx/event-log/migrate'
import { openEventLog } from '@mailx/event-log/open-log'
import type { Submission } from '@mailx/proto/client/v1/client_service'
import { checkSubmission } from '../src/deciders/check-submission.ts'
import { type AcceptDeps, acceptSubmission } from '../src/rpc/accept-submission.ts'
import type { CallerSession } from '../src/rpc/sessions.ts'
import { sealedSubmission, someContent } from '../src/testing/sealed-submission.ts'

const MESSAGES = Number(process.env.BENCH_MESSAGES ?? 20_000)
const IN_FLIGHT = Number(process.env.BENCH_IN_FLIGHT ?? 512)
const SENDERS = 50
const CONTENT_BYTES = 2048

const postgres = await startPostgres({ own: true, say: () => {} })
const pool = await connectPostgres({ url: postgres.url, applicationName: 'bench', max: 10 })
await migrate(pool, logMigrations)
const log = await openEventLog({ pool, partitions: 2 })
const deps: AcceptDeps = {
  log,
  sql: pool,
  known: { isHosted: () => true, isFull: () => false },
  users: { exists: async () => true },
  bounceAfterMs: 1000,
  now: Date.now,
}

const deviceId = new Uint8Array(16).fill(1)
const sessions = Array.from({ length: SENDERS }, (_, n): CallerSession => {
  const address = `sender${n}@a.test`
  return { address, deviceId, sessionId: deviceId, issuedAt: 0, expiresAt: 1, actor: 'bench' }
})
const work = Array.from({ length: MESSAGES }, (_, n) => {
  const session = sessions[n % SENDERS] as CallerSession
  const content = someContent(CONTENT_BYTES)
  const to = [`user${n % 1000}@a.test`]
  return { session, submission: sealedSubmission({ from: session.address, deviceId, to, content }) }
})

const check = await measure(work.slice(0, 5_000), async (session, submission) => {
  checkSubmission(submission, session)
})
const warm = work.splice(0, 2_000)
await measure(warm, (session, submission) => acceptSubmission(deps, session, submission))
const accept = await measure(work, (session, submission) =>
  acceptSubmission(deps, session, submission),
)
console.log(JSON.stringify({ inFlight: IN_FLIGHT, contentBytes: CONTENT_BYTES, check, accept }))
await log.close()
await pool.end()
await postgres.stop()

type Work = { readonly session: CallerSession; readonly submission: Submission }

async function measure(
  items: readonly Work[],
  run: (session: CallerSession, submission: Submission) => Promise<unknown>,
) {
  const queue = items.values()
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  const worker = async () => {
    for (const { session, submission } of queue) await run(session, submission)
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return {
    messagesPerSecond: Math.round(items.length / seconds),
    microsPerMessage: Math.round((seconds * 1e6) / items.length),
    nodeCpuMicrosPerMessage: Math.round((user + system) / items.length),
  }
}
