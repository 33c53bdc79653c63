/** What the process logged as a warning or worse; the same message again is counted. */
export type Trouble = {
  readonly level: string
  readonly message: string
  /** Of the last time: the error's code and message, or the fields of a line without one; redacted. */
  readonly reason: string
  readonly count: number
  /** RFC 3339, of the last time. */
  readonly at: string
}

const MOST = 50
const MAX_REASON = 300

/** By message, that which was heard last at the end. */
const troubles = new Map<string, Trouble>()

/** Takes texts that are redacted already. The oldest goes when there are too many. */
export function noteTrouble({ level, message, reason }: Omit<Trouble, 'count' | 'at'>): void {
  const count = (troubles.get(message)?.count ?? 0) + 1
  const at = new Date().toISOString()
  troubles.delete(message)
  troubles.set(message, { level, message, reason: reason.slice(0, MAX_REASON), count, at })
  if (troubles.size > MOST) troubles.delete(troubles.keys().next().value ?? '')
}

/** Since the process started, the last one first. */
export const recentTroubles = (): readonly Trouble[] => [...troubles.values()].toReversed()
