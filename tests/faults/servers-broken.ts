import { setTimeout as delay } from 'node:timers/promises'
import type { Fault, Injected, Occasion } from './fault.ts'
import { flushRedis } from './flush-redis.ts'
import { jetStreamOf, streamsOf } from './jet-stream.ts'
import { postgresPids, setReadOnly } from './postgres-server.ts'
import { commitKinds } from './postgres-tap.ts'
import { freeze } from './processes.ts'

type Inject = (occasion: Occasion) => Promise<unknown>

/** Breaks and heals; the recovery counts from when it was healed. */
const healed =
  (work: Inject): Fault['inject'] =>
  async (occasion): Promise<Injected> => {
    await work(occasion)
    return { since: performance.now() }
  }

const waitFor = ({ random }: Occasion, min: number, max: number) => delay(random.int(min, max))

/** Of each kind. */
const REPLIES = 2
const LOST_WITHIN_MS = 20_000

export const postgresFaults: readonly Fault[] = [
  {
    name: 'kill Postgres',
    rounds: 4,
    selected: true,
    recovery: 'postgres',
    async inject({ rig }) {
      await rig.servers.postgres.kill()
      const since = performance.now()
      await rig.servers.postgres.restart()
      return { since }
    },
  },
  {
    name: 'restart Postgres',
    rounds: 2,
    recovery: 'postgres',
    inject: healed(({ rig }) => rig.servers.postgres.restart()),
  },
  {
    name: 'Postgres away for a while',
    recovery: 'postgres',
    inject: healed(async (occasion) => {
      const { postgres } = occasion.rig.servers
      await postgres.kill()
      await waitFor(occasion, 3_000, 6_000)
      await postgres.restart()
    }),
  },
  {
    name: 'pause Postgres',
    rounds: 2,
    inject: healed(async ({ rig, random }) => {
      await freeze(await postgresPids(rig.servers.postgres), random.int(3_000, 6_000))
    }),
  },
  {
    name: 'Postgres read-only',
    rounds: 2,
    selected: true,
    inject: healed(async (occasion) => {
      const { url } = occasion.rig.servers.postgres
      await setReadOnly(url, true)
      try {
        await waitFor(occasion, 2_000, 4_000)
      } finally {
        await setReadOnly(url, false)
      }
    }),
  },
  {
    name: 'replies to COMMIT lost',
    rounds: 3,
    selected: true,
    async inject({ rig: { commits } }) {
      const before = { ...commits.lost }
      const deadline = performance.now() + LOST_WITHIN_MS
      for (const kind of commitKinds) commits.cutReplies(kind, REPLIES)
      for (const kind of commitKinds) {
        while (commits.lost[kind] < before[kind] + REPLIES) {
          if (performance.now() > deadline) throw new Error(`no COMMIT of ${kind} came by`)
          await delay(20)
        }
      }
      return { since: performance.now(), counts: REPLIES * commitKinds.length }
    },
  },
  {
    name: 'connections to Postgres reset',
    rounds: 2,
    inject: healed(async ({ rig }) => rig.postgresProxy.cut()),
  },
]

export const natsFaults: readonly Fault[] = [
  {
    name: 'kill NATS',
    rounds: 3,
    selected: true,
    async inject({ rig }) {
      await rig.servers.nats.kill()
      const since = performance.now()
      await rig.servers.nats.restart()
      return { since }
    },
  },
  {
    name: 'NATS stopped for a while',
    inject: healed(async (occasion) => {
      const { nats } = occasion.rig.servers
      await nats.kill()
      await waitFor(occasion, 3_000, 6_000)
      await nats.restart()
    }),
  },
  {
    name: 'pause NATS',
    inject: healed(async ({ rig, random }) => {
      const { pid } = rig.servers.nats
      if (pid === undefined) throw new Error('NATS does not run')
      await freeze([pid], random.int(3_000, 6_000))
    }),
  },
  {
    name: 'streams deleted',
    rounds: 2,
    selected: true,
    inject: healed(({ rig }) =>
      jetStreamOf(rig, async (manager) => {
        for (const { config } of await streamsOf(manager)) {
          await manager.streams.delete(config.name)
        }
      }),
    ),
  },
  {
    name: 'streams emptied',
    rounds: 2,
    inject: healed(({ rig }) =>
      jetStreamOf(rig, async (manager) => {
        for (const { config } of await streamsOf(manager)) await manager.streams.purge(config.name)
      }),
    ),
  },
  {
    name: 'consumers deleted',
    rounds: 2,
    inject: healed(({ rig }) =>
      jetStreamOf(rig, async (manager) => {
        let deleted = 0
        for (const { config } of await streamsOf(manager)) {
          for await (const { name } of manager.consumers.list(config.name)) {
            await manager.consumers.delete(config.name, name)
            deleted += 1
          }
        }
        if (deleted === 0) throw new Error('there was no consumer')
      }),
    ),
  },
]

export const redisFaults: readonly Fault[] = [
  {
    name: 'Redis flushed',
    rounds: 3,
    selected: true,
    inject: healed(({ rig }) => flushRedis(rig.servers.redis.url)),
  },
  {
    name: 'kill Redis',
    rounds: 3,
    async inject({ rig }) {
      await rig.servers.redis.kill()
      const since = performance.now()
      await rig.servers.redis.restart()
      return { since }
    },
  },
  {
    // It recovers while Redis is away: nothing waits for it.
    name: 'Redis down',
    rounds: 2,
    selected: true,
    async inject(occasion) {
      const { redis } = occasion.rig.servers
      await redis.kill()
      const since = performance.now()
      await waitFor(occasion, 3_000, 6_000)
      await redis.restart()
      return { since }
    },
  },
  {
    name: 'Redis slow',
    rounds: 2,
    inject: healed(async (occasion) => {
      const { redisProxy } = occasion.rig
      redisProxy.setDelay(400)
      await waitFor(occasion, 3_000, 5_000)
      redisProxy.setDelay(0)
    }),
  },
  {
    name: 'pause Redis',
    inject: healed(async ({ rig, random }) => {
      const { pid } = rig.servers.redis
      if (pid === undefined) throw new Error('Redis does not run')
      await freeze([pid], random.int(3_000, 5_000))
    }),
  },
]
