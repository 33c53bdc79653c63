/** Lets a loop sleep until somebody rings or the time is over. A ring without a sleeper is kept. */
export type SignalBox = {
  ring(): void
  wait(ms: number): Promise<void>
}

export function signalBox(): SignalBox {
  let rung = false
  let wake: (() => void) | undefined
  return {
    ring() {
      rung = true
      wake?.()
    },
    async wait(ms) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          // What was left may have passed meanwhile; Node would warn of a negative number.
          const timer = setTimeout(resolve, Math.max(0, ms))
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      rung = false
      wake = undefined
    },
  }
}
