import { peerLabel } from '@mailx/telemetry/capped-label'
import { gauge } from '@mailx/telemetry/metrics'

/**
 * What a lane has in memory, and when the oldest delivery was accepted that it has to make, in memory
 * or not; undefined when there is none.
 */
export type QueueState = { readonly deliveries: number; readonly oldest: number | undefined }

type Watched = { readonly peer: string; readonly look: () => QueueState }

const watched = new Set<Watched>()

gauge({
  name: 'mailx_delivery_queue_age_seconds',
  help: 'Age of the oldest delivery to the peer that is not settled, since its acceptance.',
  labelNames: ['service', 'peer'],
  collect() {
    this.reset()
    const now = Date.now()
    for (const [peer, states] of byPeer()) {
      const oldest = Math.min(...states.map((state) => state.oldest ?? now))
      this.set({ service: 'outbound-federation', peer }, Math.max(0, now - oldest) / 1000)
    }
  },
})

gauge({
  name: 'mailx_delivery_queue_deliveries',
  help: 'Deliveries that lanes of the peer hold in memory; a long queue lies in Postgres for the rest.',
  labelNames: ['service', 'peer'],
  collect() {
    this.reset()
    for (const [peer, states] of byPeer()) {
      const deliveries = states.reduce((sum, state) => sum + state.deliveries, 0)
      this.set({ service: 'outbound-federation', peer }, deliveries)
    }
  },
})

const byPeer = (): Map<string, QueueState[]> => {
  const peers = Map.groupBy(watched, ({ peer }) => peerLabel(peer))
  return new Map([...peers].map(([peer, lanes]) => [peer, lanes.map(({ look }) => look())]))
}

/** Shows a lane's queue in the metrics until the result is called. */
export function watchQueue(peer: string, look: () => QueueState): () => void {
  const lane = { peer, look }
  watched.add(lane)
  return () => {
    watched.delete(lane)
  }
}
