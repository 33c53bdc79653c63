import { MailxError } from '@mailx/errors/mailx-error'
import { DeliveryServiceClient } from '@mailx/proto/delivery/v1/delivery_service'
import { PeerServiceClient } from '@mailx/proto/peer/v1/peer_service'
import { type LaneName, laneKey } from '../deciders/due-delivery.ts'
import type { AttemptStage } from '../deciders/failure.ts'
import { type ConnectDeps, connectPeer, type PeerLink } from './connect-peer.ts'
import { type DeliveryStream, openDeliveryStream } from './delivery-stream.ts'

export type OpenLink = PeerLink & {
  /** The delivery stream of the connection; opened when it is first asked for. */
  readonly stream: () => DeliveryStream
  readonly peerService: () => PeerServiceClient
  /** Ends the connection, and with `reason` everything that waits on it. */
  readonly close: (reason: MailxError) => void
}

export type PeerLinks = {
  /**
   * Runs `work` on the lane's connection, which is made if there is none; many works share it.
   * `stage` tells how far making it came.
   */
  use<Result>(
    lane: LaneName,
    stage: (reached: AttemptStage) => void,
    work: (link: OpenLink) => Promise<Result>,
  ): Promise<Result>
  /** The hosted domain has a new certificate: new work gets new connections, old ones end when idle. */
  renew(origin: string): void
  stop(): Promise<void>
}

type Options = ConnectDeps & { readonly idleMs: number; readonly responseTimeoutMs: number }

type Entry = {
  readonly link: Promise<OpenLink>
  readonly stages: Set<(reached: AttemptStage) => void>
  /** How far making the connection has come: for those who join on the way. */
  reached: AttemptStage
  users: number
  /** Not for new work any more. */
  retired: boolean
  idleTimer: NodeJS.Timeout | undefined
}

/** The connections to peers: one for each lane, made on demand, closed after a while without work. */
export function peerLinks(options: Options): PeerLinks {
  const current = new Map<string, Entry>()
  const all = new Set<Entry>()

  const connect = (lane: LaneName): Entry => {
    const stages = new Set<(reached: AttemptStage) => void>()
    const link = connectPeer(options, lane, (reached) => {
      entry.reached = reached
      for (const tell of stages) tell(reached)
    }).then((made) => openLink(made, options, () => retire(entry)))
    const entry: Entry = {
      link,
      stages,
      reached: 'discover',
      users: 0,
      retired: false,
      idleTimer: undefined,
    }
    all.add(entry)
    link.then(
      ({ channel }) => channel.closed.then(() => forget(lane, entry)),
      () => forget(lane, entry),
    )
    return entry
  }

  const retire = (entry: Entry) => {
    entry.retired = true
  }

  const forget = (lane: LaneName, entry: Entry) => {
    retire(entry)
    all.delete(entry)
    clearTimeout(entry.idleTimer)
    if (current.get(laneKey(lane)) === entry) current.delete(laneKey(lane))
  }

  const entryFor = (lane: LaneName): Entry => {
    const known = current.get(laneKey(lane))
    if (known !== undefined && !known.retired) return known
    const made = connect(lane)
    current.set(laneKey(lane), made)
    return made
  }

  const closeWhenIdle = async (entry: Entry, afterMs: number) => {
    const link = await entry.link
    clearTimeout(entry.idleTimer)
    entry.idleTimer = setTimeout(() => {
      if (entry.users > 0) return
      retire(entry)
      link.close(new MailxError('UNAVAILABLE', 'the connection was closed: it was not in use'))
    }, afterMs)
    entry.idleTimer.unref()
  }

  return {
    use: async (lane, stage, work) => {
      const entry = entryFor(lane)
      entry.users += 1
      clearTimeout(entry.idleTimer)
      entry.stages.add(stage)
      stage(entry.reached)
      try {
        const link = await entry.link
        return await work(link)
      } finally {
        entry.stages.delete(stage)
        entry.users -= 1
        // A connection that was never made has nothing to close.
        if (entry.users === 0 && all.has(entry)) {
          await closeWhenIdle(entry, entry.retired ? 0 : options.idleMs).catch(() => undefined)
        }
      }
    },
    renew: (origin) => {
      for (const [key, entry] of current) {
        if (!key.startsWith(`${origin} `)) continue
        retire(entry)
        if (entry.users === 0) closeWhenIdle(entry, 0).catch(() => undefined)
      }
    },
    stop: async () => {
      const reason = new MailxError('UNAVAILABLE', 'this server is stopping')
      for (const entry of all) {
        retire(entry)
        clearTimeout(entry.idleTimer)
      }
      for (const settled of await Promise.allSettled([...all].map(({ link }) => link))) {
        if (settled.status === 'fulfilled') settled.value.close(reason)
      }
    },
  }
}

function openLink(link: PeerLink, options: Options, onEnded: () => void): OpenLink {
  const { channel, lane } = link
  let stream: DeliveryStream | undefined
  const close = (reason: MailxError) => {
    stream?.fail(reason)
    channel.close()
  }
  return {
    ...link,
    close,
    stream: () => {
      stream ??= openDeliveryStream({
        peer: lane.peer,
        client: channel.client(DeliveryServiceClient),
        timeoutMs: options.responseTimeoutMs,
        // A stream that ended is not trusted with a second one: the next batch dials anew.
        onEnded: () => {
          onEnded()
          channel.close()
        },
      })
      return stream
    },
    peerService: () => channel.client(PeerServiceClient),
  }
}
