import { seededRandom } from './random.ts'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789.'
const POOL_BYTES = 256 * 1024
const ATTACHMENT_BYTES = 70_000

/** The body of a message, from its number and size: whoever has the seed knows what was written. */
export type Bodies = (number: number, bytes: number) => string

export function bodies(seed: number): Bodies {
  const random = seededRandom(seed)
  const letters = Array.from({ length: POOL_BYTES }, () =>
    ALPHABET.charAt(random.int(0, ALPHABET.length - 1)),
  )
  const pool = letters.join('')
  return (number, bytes) => {
    const from = (Math.imul(number, 0x9e3779b1) >>> 0) % POOL_BYTES
    const text = pool.slice(from, from + bytes)
    return text.length === bytes
      ? text
      : (text + pool.repeat(bytes / POOL_BYTES + 1)).slice(0, bytes)
  }
}

/** What is attached to a message that has an attachment: too much to be in the message itself. */
export const attachmentOf = (body: Bodies, number: number): Uint8Array =>
  Buffer.from(body(number, ATTACHMENT_BYTES))

/** The subject of a message. */
export const subjectOf = (runId: string, number: number): string => `${runId} ${number}`
