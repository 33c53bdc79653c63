export type GatherOptions<T, R> = {
  /** Does the work of all of them, or of none. */
  readonly run: (items: readonly T[]) => Promise<R>
  readonly weightOf: (item: T) => number
  /** What is done together weighs so much at most, unless it is one item. */
  readonly maxWeight: number
}

/**
 * Has work done together that comes in one turn of the event loop, or while the work before it is being
 * done. What fails together is tried one by one, so that each gets the outcome that is its own.
 */
export function gather<T, R>({
  run,
  weightOf,
  maxWeight,
}: GatherOptions<T, R>): (item: T) => Promise<R> {
  type Waiting = {
    readonly item: T
    readonly resolve: (result: R) => void
    readonly reject: (error: unknown) => void
  }
  let waiting: Waiting[] = []
  let isBusy = false

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      if (isBusy) return
      isBusy = true
      setImmediate(() => void next())
    })

  async function next(): Promise<void> {
    const group = take()
    try {
      const result = await run(group.map(({ item }) => item))
      for (const { resolve } of group) resolve(result)
    } catch (error) {
      if (group.length > 1) await Promise.all(group.map(alone))
      else for (const { reject } of group) reject(error)
    }
    if (waiting.length > 0) setImmediate(() => void next())
    else isBusy = false
  }

  function alone({ item, resolve, reject }: Waiting): Promise<void> {
    return run([item]).then(resolve, reject)
  }

  function take(): Waiting[] {
    let weight = 0
    let count = 0
    for (const { item } of waiting) {
      weight += weightOf(item)
      if (count > 0 && weight > maxWeight) break
      count += 1
    }
    const group = waiting.slice(0, count)
    waiting = waiting.slice(count)
    return group
  }
}
