import * as z from 'zod'

/** What a journal begins with. Users and recipients are named by their place in `users`. */
export const RunHeader = z.object({
  mailxLoadJournal: z.literal(1),
  /** The subject of every message of the run begins with it. */
  runId: z.string().regex(/^[0-9a-z]+$/),
  startedAt: z.iso.datetime(),
  /** What all bodies are made from. */
  seed: z.number().int(),
  submit: z.enum(['stream', 'unary', 'both']),
  users: z.array(z.string()).min(1),
  /** Addresses at which nobody lives, numbered on behind the users: what was sent there has to bounce. */
  absent: z.array(z.string()).default([]),
})

export type RunHeader = z.infer<typeof RunHeader>

/** `at` is in milliseconds since the start of the run; `number` counts messages from 0. */
export type JournalRecord =
  | { readonly kind: 'start'; readonly run: RunHeader }
  /** Where a mailbox ended when the run began: nothing of this run is before it. */
  | { readonly kind: 'mailbox'; readonly user: number; readonly cursor: Uint8Array }
  /** About to be handed over for the first time. */
  | {
      readonly kind: 'sent'
      readonly at: number
      readonly number: number
      readonly id: Uint8Array
      readonly sender: number
      /** Bytes of the body. */
      readonly bytes: number
      readonly recipients: readonly number[]
    }
  /** Refused for a reason that passes: it will be handed over again. */
  | { readonly kind: 'put-off'; readonly at: number; readonly number: number }
  /** About to be handed over again, after a lost connection or a refusal that passes. */
  | { readonly kind: 'resent'; readonly at: number; readonly number: number }
  | { readonly kind: 'accepted'; readonly at: number; readonly number: number }
  /** For good. */
  | {
      readonly kind: 'refused'
      readonly at: number
      readonly number: number
      readonly code: string
    }
  | {
      readonly kind: 'notified'
      readonly at: number
      readonly number: number
      readonly user: number
    }
  /** The run came to its end: nothing was cut off. */
  | { readonly kind: 'end'; readonly at: number }
