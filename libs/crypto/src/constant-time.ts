import { sodium } from '#sodium'

/** Same bytes, compared in a time that does not depend on where they differ. */
export const constantTimeEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && sodium.memcmp(a, b)
