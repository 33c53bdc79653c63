import { crashAt } from '@mailx/config/crash-at'
import { decodePeerContact, PEERS_CONTACTED } from '@mailx/federation/peers-contacted'
import { repeatedly } from '@mailx/messaging/repeatedly'
import { gauge } from '@mailx/telemetry/metrics'
import type { Msg, NatsConnection } from '@nats-io/nats-core'
import type pg from 'pg'
import { type LaneName, laneKey } from '../deciders/due-delivery.ts'
import type { LaneGrowth } from '../projections/due-deliveries.ts'
import { type Lane, type LaneDeps, openLane } from './lane.ts'
import { laneLocks } from './lane-locks.ts'
import { lanesWithWork } from './lane-notes.ts'

export type Lanes = {
  /** The projection added deliveries: the lanes that are here send them, others are told. */
  grown(growth: readonly LaneGrowth[]): void
  stop(): Promise<void>
}

type Options = LaneDeps & { readonly pool: pg.Pool; readonly nats: NatsConnection }

const LOOK_EVERY_MS = 1_000
/** Tells other replicas that a lane of theirs has grown. May get lost: they look, too. */
const LANES_GROWN = 'outbound.lanes-grown'

const openLanes = gauge({
  name: 'mailx_delivery_lanes_open',
  help: 'Lanes that this process works off.',
  labelNames: ['service'],
})

/** All lanes of the deployment, of which this replica works off those that it gets hold of. */
export function startLanes(options: Options): Lanes {
  const { logger, nats, pool, sql } = options
  const lanes = new Map<string, Lane>()
  const closing = new Set<Promise<void>>()
  const locks = laneLocks({ pool, onLost })
  let stopped = false
  let acquiring: Promise<unknown> = Promise.resolve()

  const looking = repeatedly(LOOK_EVERY_MS, look, (error) =>
    logger.warn({ err: error }, 'could not look for due deliveries; trying again'),
  )
  const contacts = nats.subscribe(PEERS_CONTACTED, {
    callback: (error, message) => {
      if (error === null) contact(message)
    },
  })
  const growth = nats.subscribe(LANES_GROWN, {
    callback: (error, message) => {
      if (error === null) laneGrown(message)
    },
  })

  return {
    grown: (grownLanes) => {
      const elsewhere: LaneName[] = []
      for (const one of grownLanes) {
        const lane = lanes.get(laneKey(one))
        if (lane === undefined) elsewhere.push(one)
        else lane.offer(one)
      }
      if (elsewhere.length > 0) openOrTell(elsewhere)
    },
    stop: async () => {
      stopped = true
      contacts.unsubscribe()
      growth.unsubscribe()
      await looking.stop()
      await acquiring
      await Promise.all([...lanes.values()].map((lane) => lane.stop()))
      await Promise.all(closing)
      await locks.stop()
    },
  }

  /** Finds lanes whose owner is gone, deliveries that another replica projected, and old ones. */
  async function look(): Promise<void> {
    const missing = new Map<string, LaneName>()
    for (const { origin, partition, peer, position } of await lanesWithWork(sql)) {
      const key = laneKey({ origin, peer })
      const lane = lanes.get(key)
      if (lane === undefined) missing.set(key, { origin, peer })
      else lane.notice(partition, position)
    }
    await open([...missing.values()])
  }

  function openOrTell(names: readonly LaneName[]): void {
    open(names)
      .then((left) => {
        for (const name of left) nats.publish(LANES_GROWN, laneKey(name))
      })
      .catch((error: unknown) => {
        logger.warn({ err: error }, 'lanes could not be opened; they are looked for again')
      })
  }

  /** Opens those that no other replica has; answers the rest. One acquisition at a time. */
  function open(names: readonly LaneName[]): Promise<readonly LaneName[]> {
    const turn = acquiring.then(async () => {
      if (stopped || names.length === 0) return []
      const held = await locks.acquire(names.map(laneKey))
      if (held.size > 0) crashAt('outbound.after-take-over')
      for (const name of names) {
        const key = laneKey(name)
        if (!held.has(key)) continue
        const lane = lanes.get(key)
        if (lane === undefined) start(name)
        else lane.notice()
      }
      return names.filter((name) => !held.has(laneKey(name)))
    })
    acquiring = turn.catch(() => undefined)
    return turn
  }

  function start({ origin, peer }: LaneName): void {
    const name = { origin, peer }
    const key = laneKey(name)
    lanes.set(
      key,
      openLane(options, name, () => {
        lanes.delete(key)
        openLanes.set({ service: 'outbound-federation' }, lanes.size)
        const released = locks.release(key).catch((error: unknown) => {
          logger.warn({ err: error }, 'a lane could not be given back')
        })
        closing.add(released)
        void released.finally(() => closing.delete(released))
      }),
    )
    openLanes.set({ service: 'outbound-federation' }, lanes.size)
  }

  /** Another replica may own all lanes from now on: stop sending. They are taken again when free. */
  function onLost(error: Error): void {
    logger.warn({ err: error }, 'lost the ownership of all lanes; taking them again')
    for (const lane of lanes.values()) {
      const stopping = lane.stop()
      closing.add(stopping)
      void stopping.finally(() => closing.delete(stopping))
    }
  }

  function contact(message: Msg): void {
    const peer = decodePeerContact(message.data)
    if (peer === undefined) return
    for (const [key, lane] of lanes) if (key.endsWith(` ${peer}`)) lane.contacted()
  }

  function laneGrown(message: Msg): void {
    lanes.get(message.string())?.notice()
  }
}
