/** How long to leave a peer alone after failures in a row. */
export type RetryPolicy = {
  /** The longest wait after the first failure; it doubles with each further one. */
  readonly firstMs: number
  readonly longestMs: number
}

/**
 * Full jitter: anything from nothing to the bound, so that many servers that lost one peer do not come
 * back together. `random` is in [0, 1).
 */
export function retryDelay(failures: number, policy: RetryPolicy, random: number): number {
  const doublings = Math.min(Math.max(failures - 1, 0), 30)
  return Math.round(random * Math.min(policy.longestMs, policy.firstMs * 2 ** doublings))
}
