import { randomBytes } from '@mailx/crypto/random'
import { formatId, newId } from '@mailx/crypto/uuid'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import type { EventLog } from '@mailx/event-log/event-log'
import { openEventLog } from '@mailx/event-log/open-log'
import { encodeEvent } from '@mailx/events/codec'
import { submissionEvents } from '@mailx/events/submission'
import type { LoadResult } from '@mailx/loadtest-tool/load-result'
import { type Person, registerPeople } from '@mailx/loadtest-tool/people'
import { readCheckpoints } from '@mailx/processors/checkpoint'
import { Route } from '@mailx/proto/submission/v1/events'
import type { Pool } from 'pg'
import type { BenchCase } from './bench-case.ts'
import { databaseOf } from './database-of.ts'
import { type Figure, type Figures, lower } from './figures.ts'
import { inOwnLab, type Lab, peopleOf } from './lab.ts'
import { atMost, atRate, measureLoad, serverCpu } from './measure-load.ts'
import { warmUp } from './warm-up.ts'

const LENGTHS = [1_000, 100_000, 1_000_000]
const PARTITIONS = [1, 4, 16]
const APPENDS_AT_ONCE = 2_000

/** What must not depend on how much there is already. */
export const growthCases: Readonly<Record<string, BenchCase>> = {
  'log-length': {
    title: 'local at 1,000/s with 10³, 10⁵ and 10⁶ events in the log, and as many mailbox entries',
    standard: false,
    async run(lab) {
      const pool = await connectPostgres({ url: databaseOf(lab, 0), applicationName: 'bench' })
      const log = await openEventLog({ pool })
      const figures: Record<string, Figure> = {}
      const details: Record<string, unknown> = {}
      try {
        for (const length of LENGTHS) {
          await fill(log, lab, length)
          await caughtUp(pool, log)
          // What filling left to do is not done beside the load.
          await pool.query('vacuum analyze')
          const result = await measureLoad(lab, atRate(5, [1000, 17]))
          const name = length.toLocaleString('en-US')
          Object.assign(figures, grown(`${name} events`, result))
          details[name] = result.measured
        }
      } finally {
        await log.close()
        await pool.end()
      }
      return { figures, details }
    },
  },
  users: {
    title: 'local at 1,000/s between 10 users on 10 connections, 500 on 500 and 10,000 on 500',
    standard: false,
    async run(lab) {
      const few = peopleOf(lab, lab.domains[0] ?? '').everybody.slice(0, 10)
      const small = await among(lab, few)
      const people = await registerPeople(lab.domains.slice(0, 1), {
        home: lab.home,
        connections: 500,
        users: 10_000,
        prefix: `many-${Date.now().toString(36)}-`,
        onProgress: (done, total) => {
          if (done % 1000 === 0) lab.say(`    registered ${done} of ${total}`)
        },
      })
      try {
        const some = await among(lab, people.everybody.slice(0, 500))
        const large = await among(lab, people.everybody)
        return {
          figures: {
            ...grown('10 users', small),
            ...grown('500 users', some),
            ...grown('10,000 users', large),
          },
          details: { '10': small.measured, '500': some.measured, '10,000': large.measured },
        }
      } finally {
        people.close()
      }
    },
  },
  partitions: {
    title:
      'local, as fast as it goes and at 1,000/s, with 1, 4 and 16 partitions for each context, on stacks of their own',
    standard: false,
    async run({ say }) {
      const figures: Record<string, Figure> = {}
      const details: Record<string, unknown> = {}
      for (const partitions of PARTITIONS) {
        const env = { LOG_PARTITIONS: `${partitions}` }
        const { most, steady } = await inOwnLab('partitions', { say, env }, async (lab) => {
          await warmUp(lab)
          return {
            most: await measureLoad(lab, atMost(20_000)),
            steady: await measureLoad(lab, atRate(5, [1000, 17])),
          }
        })
        const size = `${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`
        Object.assign(figures, grown(`${size}, at most`, most), grown(`${size}, 1,000/s`, steady))
        details[partitions] = { most: most.measured, steady: steady.measured }
      }
      return { figures, details }
    },
  },
}

/** Everybody listens, and a hundred of them write to all. */
async function among(lab: Lab, everybody: readonly Person[]): Promise<LoadResult> {
  const senders = everybody.slice(0, 100)
  const share = Math.ceil(everybody.length / senders.length)
  const writing = senders.map((sender, index) => {
    const own = everybody.slice(index * share, (index + 1) * share).filter((one) => one !== sender)
    return { sender, others: own.length > 0 ? own : everybody.filter((one) => one !== sender) }
  })
  return measureLoad(lab, { ...atRate(5, [1000, 17]), writing })
}

/** The figures that must not grow, of one size. */
const grown = (size: string, result: LoadResult): Figures => ({
  [`server CPU, ${size}`]: lower(serverCpu(result), 'µs/msg'),
  [`p99, ${size}`]: lower(result.measured.submitToNotifiedMs.p99, 'ms'),
})

/** Appends, as the gateway would, until the log of the submissions is so long. Their contents are left out. */
async function fill(log: EventLog, lab: Lab, length: number): Promise<void> {
  const addresses = peopleOf(lab, lab.domains[0] ?? '').everybody.map(({ address }) => address)
  const addressOf = (index: number) => addresses[index % addresses.length] ?? ''
  const before = await lengthOf(log)
  for (let done = before; done < length; done += APPENDS_AT_ONCE) {
    const count = Math.min(APPENDS_AT_ONCE, length - done)
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const sender = addressOf(done + index)
        const messageId = newId(Date.now(), randomBytes)
        const data = {
          messageId,
          sender,
          senderDeviceId: randomBytes(16),
          createdAtUnixMs: BigInt(Date.now()),
          contentHash: randomBytes(32),
          contentSize: 2048,
          recipients: [
            {
              address: addressOf(done + index + 1),
              envelopeHash: randomBytes(32),
              envelopeSize: 500,
              route: Route.LOCAL,
            },
          ],
          attachments: [],
          expiresAtUnixMs: BigInt(Date.now() + 86_400_000),
        }
        await log.append({
          context: 'submission',
          key: sender,
          stream: `submission/${formatId(messageId)}/${sender}`,
          expectedVersion: 0,
          events: [encodeEvent(submissionEvents, { type: 'MessageAccepted', data })],
        })
      }),
    )
    if (done % 100_000 < APPENDS_AT_ONCE) lab.say(`    ${done} of ${length} events`)
  }
}

async function lengthOf(log: EventLog): Promise<number> {
  const heads = await log.heads('submission')
  return heads.reduce((sum, { position }) => sum + Number(position), 0)
}

/** Resolves when every processor of every service has seen all that is in the log. */
async function caughtUp(pool: Pool, log: EventLog): Promise<void> {
  const { rows } = await pool.query<{ schema: string }>(
    `select table_schema as schema from information_schema.tables where table_name = 'checkpoints'`,
  )
  for (;;) {
    const heads = new Map((await log.heads()).map((head) => [head.partition, head.position]))
    const checkpoints = await Promise.all(rows.map(({ schema }) => readCheckpoints(pool, schema)))
    const behind = checkpoints
      .flat()
      .filter(({ partition, position }) => position < (heads.get(partition) ?? 0n))
    if (behind.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
