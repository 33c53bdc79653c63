import type { CurrentKeys, Keys } from '@mailx/crypto/current-keys'
import * as z from 'zod'

/** What `readConfig` and the docs know of a variable beside its type. */
export type VariableNotes = {
  /** An example of a right value. */
  readonly write: string
  /** May also be read from the file that `<NAME>_FILE` names. */
  readonly secret?: boolean
  /** What its value is where values have types, in a YAML file say; text when left out. */
  readonly typed?: VariableType
}

/** In the words of JSON Schema. */
export type VariableType =
  | { readonly type: 'integer'; readonly minimum: number; readonly maximum: number }
  | { readonly type: 'boolean' }
  | { readonly type: 'array' }

/** Adds notes to a variable's schema; put it last, or before `.default()` and `.optional()`. */
export const noted = <Schema extends z.ZodType>(schema: Schema, notes: VariableNotes): Schema =>
  schema.meta({ ...notes })

/** The notes of a variable, also when it was made optional, piped on or given a default afterwards. */
export function notesOf(schema: z.ZodType): Partial<VariableNotes> {
  let inner: z.ZodType | undefined = schema
  while (inner !== undefined) {
    const notes = inner.meta() as Partial<VariableNotes> | undefined
    if (notes?.write !== undefined) return notes
    const def = inner.def as { innerType?: z.ZodType; in?: z.ZodType }
    inner = def.innerType ?? def.in
  }
  return {}
}

const listenPattern = /^(?:unix:\/\S+|(?:\[[0-9a-f:]+\]|[\w.-]+):\d{1,5})$/i

/** "host:port" or "unix:/path". */
export const listenAddress = () =>
  noted(
    z.string().regex(listenPattern, 'is neither host:port nor unix:/path').refine(portInRange, {
      error: 'has a port above 65535',
    }),
    { write: '127.0.0.1:8443 or unix:/run/mailx/identity.sock' },
  )

/** Where another service's gRPC server is. */
export const serviceAddress = (example = '127.0.0.1:7001') =>
  noted(
    z
      .string()
      .regex(/^(?:unix:\/\S+|(?:dns:\/{0,3})?(?:\[[0-9a-f:]+\]|[\w.-]+):\d{1,5})$/i, {
        error: 'is neither host:port nor unix:/path',
      })
      .refine(portInRange, { error: 'has a port above 65535' }),
    { write: `${example} or unix:/run/mailx/name.sock` },
  )

const base64Of32 = { write: 'the output of: openssl rand -base64 32', secret: true }

/** A key of 32 bytes, written in base64. */
export const key32 = () =>
  noted(
    z.string().transform((text, context) => {
      const key = key32In(text)
      if (key !== undefined) return key
      context.addIssue({ code: 'custom', message: 'is not 32 bytes in base64' })
      return z.NEVER
    }),
    base64Of32,
  )

/**
 * A key of 32 bytes, written in base64; while it changes two of them, in lines of their own or with a
 * space between: the first one makes what both open.
 */
export const currentKeys32 = () =>
  noted(
    z.string().transform((text, context): CurrentKeys => {
      const keys = text.split(/\s+/).map(key32In)
      const [first, second] = keys
      if (first !== undefined && keys.length === 1) return constant([first])
      if (first !== undefined && second !== undefined && keys.length === 2) {
        return constant([first, second])
      }
      const message =
        keys.length === 1
          ? 'is not 32 bytes in base64'
          : 'is not one or two keys of 32 bytes in base64'
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }),
    base64Of32,
  )

const constant =
  (keys: Keys): CurrentKeys =>
  () =>
    keys

function key32In(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === 32 && bytes.toString('base64') === text
    ? Uint8Array.from(bytes)
    : undefined
}

/** "true" or "false". */
export const flag = () =>
  noted(z.stringbool({ truthy: ['true', '1'], falsy: ['false', '0'] }), {
    write: 'true or false',
    typed: { type: 'boolean' },
  })

/** A whole number within limits. */
export const count = (min: number, max: number) =>
  noted(
    z
      .string()
      .regex(/^\d+$/, 'is not a whole number')
      .transform(Number)
      .refine((number) => number >= min && number <= max, {
        error: `is not between ${min} and ${max}`,
      }),
    {
      write: `a whole number from ${min} to ${max}`,
      typed: { type: 'integer', minimum: min, maximum: max },
    },
  )

/** A list separated by commas; empty items are left out. */
export const list = (write: string) =>
  noted(
    z.string().transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    ),
    { write, typed: { type: 'array' } },
  )

function portInRange(text: string): boolean {
  return text.startsWith('unix:') || Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535
}
