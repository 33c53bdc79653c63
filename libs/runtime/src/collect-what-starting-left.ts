const AFTER_MS = 5_000

/**
 * Collects, once, what starting left behind, and gives the memory back: V8 would keep it for as long as
 * there is little to do, a fifth of an idle process. Takes `--expose-gc`; without it nothing happens.
 */
export function collectWhatStartingLeft(): void {
  const { gc } = globalThis
  if (gc === undefined) return
  const collect = () => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  setTimeout(collect, AFTER_MS).unref()
}
