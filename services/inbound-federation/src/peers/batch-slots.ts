/** Bounds how many batches of one peer are worked on at once, over all its streams and connections. */
export type BatchSlots = {
  /** Waits for a slot; call the result once to give it back. */
  take(peer: string): Promise<() => void>
}

type Peer = { free: number; readonly waiting: (() => void)[] }

export function batchSlots(perPeer: number): BatchSlots {
  const peers = new Map<string, Peer>()
  const giveBack = (name: string, peer: Peer) => {
    const next = peer.waiting.shift()
    if (next !== undefined) {
      next()
      return
    }
    peer.free += 1
    if (peer.free === perPeer) peers.delete(name)
  }
  return {
    take: async (name) => {
      const peer = peers.get(name) ?? { free: perPeer, waiting: [] }
      peers.set(name, peer)
      if (peer.free > 0) peer.free -= 1
      else await new Promise<void>((resolve) => peer.waiting.push(resolve))
      return () => giveBack(name, peer)
    },
  }
}
