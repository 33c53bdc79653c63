import type { Account } from '@mailx/client/account'

export type Pair = { readonly sender: Account; readonly recipient: Account }

/** Everybody of the first list writes to somebody of the second, and nobody to themselves. */
export const exchange = (from: readonly Account[], to: readonly Account[]): Pair[] =>
  from.map((sender, index) => {
    const recipient = to[(index + 1) % to.length]
    if (recipient === undefined) throw new Error('nobody to write to')
    return { sender, recipient }
  })
