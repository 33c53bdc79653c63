/** How messages are handed over. `both`: every fourth sender by a call a message, the others by streams. */
export type SubmitWay = 'stream' | 'unary' | 'both'

/** Users are at two domains in turn: of each, one in four. */
const CYCLE = 8
const BY_CALL_FROM = 6

/** Whether this user's messages go by a call each, side by side. */
export const goesByCall = (way: SubmitWay, user: number): boolean =>
  way === 'unary' || (way === 'both' && user % CYCLE >= BY_CALL_FROM)
