import { setTimeout as delay } from 'node:timers/promises'
import type { Fault, Injected, Occasion } from './fault.ts'
import { flushRedis } from './flush-redis.ts'
import { jetStreamOf, streamsOf } from './jet-stream.ts'
import { postgresPids, setReadOnly } from './postgres-server.ts'
import { commitKinds } from './postgres-tap.ts'
import { freeze } from './processes.ts'
import type { Rig } from './rig.ts'

type Inject = (occasion: Occasion) => Promise<unknown>

const waitFor = ({ random }: Occasion, min: number, max: number) => delay(random.int(min, max))

/** Anything may be under way when it comes. */
const anyMoment = (occasion: Occasion) => waitFor(occasion, 0, 2_000)

/** Breaks and heals; the recovery counts from when it was healed. */
const healed =
  (work: Inject): Fault['inject'] =>
  async (occasion): Promise<Injected> => {
    await anyMoment(occasion)
    await work(occasion)
    return { since: performance.now() }
  }

/** The recovery counts from when it was gone. */
const killed =
  (which: keyof Rig['servers']): Fault['inject'] =>
  async (occasion): Promise<Injected> => {
    const server = occasion.rig.servers[which]
    await anyMoment(occasion)
    await server.kill()
    const since = performance.now()
    await server.restart()
    return { since }
  }

/** Of each kind. */
const REPLIES = 2
const LOST_WITHIN_MS = 20_000

export const postgresFaults: readonly Fault[] = [
  {
    name: 'kill Postgres',
    rounds: 4,
    selected: true,
    recovery: 'postgres',
    inject: killed('postgres'),
  },
  {
    name: 'restart Postgres',
    rounds: 2,
    recovery: 'postgres',
    inject: healed(({ rig }) => rig.servers.postgres.restart()),
  },
  {
    name: 'Postgres away for a while',
    rounds: 2,
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
    async inject(occasion) {
      const { commits } = occasion.rig
      await anyMoment(occasion)
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
    inject: healed(async ({ rig: { postgresProxy } }) => {
      if (postgresProxy.connections === 0) throw new Error('nobody is connected to Postgres')
      postgresProxy.cut()
    }),
  },
]

export const natsFaults: readonly Fault[] = [
  {
    name: 'kill NATS',
    rounds: 3,
    selected: true,
    inject: killed('nats'),
  },
  {
    name: 'NATS stopped for a while',
    rounds: 2,
    inject: healed(async (occasion) => {
      const { nats } = occasion.rig.servers
      await nats.kill()
      await waitFor(occasion, 3_000, 6_000)
      await nats.restart()
    }),
  },
  {
    name: 'pause NATS',
    rounds: 2,
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
        let purged = 0
        for (const { config } of await streamsOf(manager)) {
          purged += (await manager.streams.purge(config.name)).purged
        }
        if (purged === 0) throw new Error('nothing was in the streams')
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
    inject: healed(async ({ rig }) => {
      if ((await flushRedis(rig.servers.redis.url)) === 0) throw new Error('Redis was empty')
    }),
  },
  {
    name: 'kill Redis',
    rounds: 3,
    inject: killed('redis'),
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
      if (redisProxy.connections === 0) throw new Error('nobody is connected to Redis')
      redisProxy.setDelay(400)
      await waitFor(occasion, 3_000, 5_000)
      redisProxy.setDelay(0)
    }),
  },
  {
    name: 'pause Redis',
    rounds: 2,
    inject: healed(async ({ rig, random }) => {
      const { pid } = rig.servers.redis
      if (pid === undefined) throw new Error('Redis does not run')
      await freeze([pid], random.int(3_000, 5_000))
    }),
  },
]
