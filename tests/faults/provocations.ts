import { setTimeout as delay } from 'node:timers/promises'
import { type Domain, doorsOf, otherThan, type Rig } from './rig.ts'

/**
 * Has things go wrong in a way that leads a service of the domain to a step which it seldom takes, until
 * it has come by. All is whole again when it resolves.
 */
export type Provocation = (rig: Rig, domain: Domain, isOver: () => boolean) => Promise<void>

const LOST_MS = 1_500
const WHOLE_MS = 2_500
/** Services find the server again, and start with it, within this time. */
const BACK_MS = 8_000
const LOOK_MS = 50

/** What was accepted is handed over again, for nobody heard that it was. */
export const repliesToClientsLost: Provocation = (rig, domain, isOver) =>
  losingReplies(doorsOf(rig, domain).client, isOver)

/** What was received is delivered again. */
export const repliesToPeersLost: Provocation = (rig, domain, isOver) =>
  losingReplies(doorsOf(rig, domain).peer, isOver)

type Way = ReturnType<typeof doorsOf>['peer']

async function losingReplies(way: Way, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    way.set('discard', 'from-target')
    try {
      await waitUntil(isOver, LOST_MS)
    } finally {
      way.set('forward')
      way.cut()
    }
    await waitUntil(isOver, WHOLE_MS)
  }
}

/** The peer cannot be reached: its mail waits, and the senders are told. */
export const peerAway: Provocation = async (rig, domain, isOver) => {
  const { peer } = doorsOf(rig, otherThan(domain))
  peer.set('refuse')
  try {
    peer.cut()
    await waitUntil(isOver)
  } finally {
    peer.set('forward')
  }
}

/** What is committed cannot be published at once. */
export const natsAway: Provocation = async ({ servers: { nats } }, _domain, isOver) => {
  while (!isOver()) {
    await nats.kill()
    try {
      await waitUntil(isOver, LOST_MS)
    } finally {
      await nats.restart()
    }
    await waitUntil(isOver, BACK_MS)
  }
}

/** Whether something was committed has to be found out. */
export const commitRepliesLost: Provocation = async ({ commits }, _domain, isOver) => {
  try {
    while (!isOver()) {
      commits.cutReplies('append', 1)
      await waitUntil(isOver, LOOK_MS)
    }
  } finally {
    commits.cutReplies('append', 0)
  }
}

async function waitUntil(isOver: () => boolean, longestMs = Infinity): Promise<void> {
  const until = performance.now() + longestMs
  while (!isOver() && performance.now() < until) await delay(LOOK_MS)
}
