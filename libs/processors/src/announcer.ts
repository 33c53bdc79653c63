/** Tells everybody who waits that something changed. */
export type Announcer = {
  announce(): void
  /** Resolves at the next announcement, or after a while. */
  next(ms: number): Promise<void>
}

export function announcer(): Announcer {
  let waiting: (() => void)[] = []
  return {
    announce() {
      const told = waiting
      waiting = []
      for (const tell of told) tell()
    },
    next: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms)
        waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}
