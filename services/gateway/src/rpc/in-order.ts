/** One of several that start at once and have to pass a point in the order in which they came. */
export type Turn = {
  /** Undefined when it is this one's turn; else resolves when it is. */
  readonly wait: () => Promise<void> | undefined
  /** Lets the next one through. To be called whatever became of this one; a second time changes nothing. */
  readonly pass: () => void
}

/** Gives out turns, in the order in which it is asked for them. */
export function inOrder(): () => Turn {
  let taken = 0
  let front = 0
  const passed = new Set<number>()
  const waiting = new Map<number, () => void>()

  return () => {
    const own = taken++
    return {
      wait: () =>
        own === front
          ? undefined
          : new Promise<void>((resolve) => {
              waiting.set(own, resolve)
            }),
      pass() {
        if (own >= front) passed.add(own)
        while (passed.delete(front)) front += 1
        const next = waiting.get(front)
        waiting.delete(front)
        next?.()
      },
    }
  }
}

/** The turn of one that waits for nobody. */
export const noTurn: Turn = { wait: () => undefined, pass: () => {} }
