import { fromBase64, toBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'

/** The body of a checkpoint (c2sp.org/tlog-checkpoint): what a log says of itself at one size. */
export type Checkpoint = {
  /** The log's unique name, for example "a.test/mailx-kt/1". */
  readonly origin: string
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
  /** Opaque lines after the root, without their newlines; none is empty. */
  readonly extensions?: readonly string[]
}

/**
 * The text that a note signs: origin, size, root, extensions, one a line. Throws BAD_NOTE on what would
 * not read back as the same checkpoint.
 */
export function formatCheckpoint({ origin, size, root, extensions = [] }: Checkpoint): string {
  if (!isLine(origin)) throw malformed('needs an origin of one line')
  if (!Number.isSafeInteger(size) || size < 0) throw malformed('needs a size from 0 to 2^53 - 1')
  if (root.length !== 32) throw malformed('needs a root of 32 bytes')
  if (!extensions.every(isLine)) throw malformed('needs extensions of one line each')
  return [origin, String(size), toBase64(root), ...extensions].map((line) => `${line}\n`).join('')
}

const isLine = (text: string) => text !== '' && !text.includes('\n')

/** Throws BAD_NOTE, naming the line that is wrong. */
export function parseCheckpoint(text: string): Required<Checkpoint> {
  if (!text.endsWith('\n')) throw malformed('does not end with a newline')
  const [origin, sizeText, rootText, ...extensions] = text.slice(0, -1).split('\n')
  if (!origin) throw malformed('has no origin in line 1')
  if (!sizeText || !/^(0|[1-9][0-9]{0,15})$/.test(sizeText))
    throw malformed('has no size in line 2')
  const size = Number(sizeText)
  if (!Number.isSafeInteger(size)) throw malformed('has a size beyond 2^53 in line 2')
  if (extensions.some((line) => line === '')) throw malformed('has an empty extension line')
  return { origin, size, root: parseRoot(rootText ?? ''), extensions }
}

function parseRoot(text: string): Uint8Array {
  try {
    return fromBase64(text, 32)
  } catch (cause) {
    throw malformed('has no base64 hash of 32 bytes in line 3', cause)
  }
}

const malformed = (what: string, cause?: unknown) =>
  new MailxError('BAD_NOTE', `the checkpoint ${what}`, { cause })
