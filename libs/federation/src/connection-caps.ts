export type ConnectionCaps = {
  /** Takes a place for one connection; undefined when there is none. Call the result to free it. */
  enter(address: string): (() => void) | undefined
}

/** Bounds how many connections wait for a verdict, in all and from one address. */
export function connectionCaps(limits: { total: number; perAddress: number }): ConnectionCaps {
  const waiting = new Map<string, number>()
  let total = 0
  return {
    enter: (address) => {
      const here = waiting.get(address) ?? 0
      if (total >= limits.total || here >= limits.perAddress) return undefined
      waiting.set(address, here + 1)
      total += 1
      let inside = true
      return () => {
        if (!inside) return
        inside = false
        total -= 1
        const left = (waiting.get(address) ?? 1) - 1
        if (left === 0) waiting.delete(address)
        else waiting.set(address, left)
      }
    },
  }
}
