import { constantTimeEqual } from './constant-time.ts'

/** One secret while it changes: the first key makes what all of them open. */
export type Keys = readonly [Uint8Array, ...Uint8Array[]]

/** The keys as they are now; not to be kept for later. */
export type CurrentKeys = () => Keys

/** Whether one of the keys made this MAC. The others cost nothing as long as the first one did. */
export const isMacUnderOne = (
  keys: Keys,
  mac: Uint8Array,
  macUnder: (key: Uint8Array) => Uint8Array,
): boolean => keys.some((key) => constantTimeEqual(mac, macUnder(key)))
