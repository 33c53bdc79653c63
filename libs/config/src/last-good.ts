/** Hears what is wrong when it begins or changes, and undefined when it is over. */
export type OnTrouble = (trouble: string | undefined) => void

export type LastGoodOptions<Value> = {
  /** Throws when there is nothing good to be had. */
  readonly read: () => Value
  readonly onTrouble: OnTrouble
  /** What counts until something was read. */
  readonly first?: Value
}

/**
 * Reads anew at each call. What cannot be read leaves what was read last, and is told of; as long as
 * there never was anything good, a call throws what `read` throws.
 */
export function lastGood<Value>({ first, onTrouble, read }: LastGoodOptions<Value>): () => Value {
  let good: { readonly value: Value } | undefined
  if (first !== undefined) good = { value: first }
  let trouble: string | undefined
  const tell = (now: string | undefined) => {
    if (now === trouble) return
    trouble = now
    onTrouble(now)
  }
  return () => {
    try {
      good = { value: read() }
      tell(undefined)
    } catch (error) {
      if (good === undefined) throw error
      tell(error instanceof Error ? error.message : String(error))
    }
    return good.value
  }
}
