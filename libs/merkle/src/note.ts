import { concat, equal, fromBase64, toBase64, utf8 } from '@mailx/crypto/encoding'
import { sign, verify } from '@mailx/crypto/sign'
import { MailxError } from '@mailx/errors/mailx-error'
import { isVerifierName, keyId, type Verifier } from './verifier-key.ts'

export { formatVerifierKey, parseVerifierKey, type Verifier } from './verifier-key.ts'

const MAX_NOTE_LENGTH = 1_000_000
const MAX_SIGNATURES = 100
const SIGNATURE_START = '\u2014 '

/**
 * A signed note (c2sp.org/signed-note): the text, an empty line, one signature line. The text ends
 * with a newline. Throws BAD_NOTE on a text or name that cannot be in a note, BAD_KEY as `sign`.
 */
export function signNote(
  text: string,
  signer: Verifier & { readonly secretKey: Uint8Array },
): string {
  checkNote(text)
  if (!isVerifierName(signer.name)) {
    throw new MailxError('BAD_NOTE', `"${signer.name}" cannot name a signer: no spaces, no plus`)
  }
  const signature = sign(signer.secretKey, utf8(text))
  return `${text}\n${SIGNATURE_START}${signer.name} ${toBase64(concat(keyId(signer), signature))}\n`
}

export type OpenedNote = {
  readonly text: string
  /** The names of the verifiers whose signatures are right, in the order of the lines. */
  readonly verifiedBy: readonly string[]
}

/**
 * Signatures by others than the verifiers are passed over. Throws BAD_NOTE when the note is
 * malformed, when a verifier's signature is wrong, or when none of the verifiers signed.
 */
export function openNote(note: string, verifiers: readonly Verifier[]): OpenedNote {
  if (note.length > MAX_NOTE_LENGTH) throw new MailxError('BAD_NOTE', 'the note is over 1 MB')
  checkNote(note)
  const end = note.lastIndexOf('\n\n')
  if (end < 0) {
    throw new MailxError('BAD_NOTE', 'a note is a text, an empty line, and signature lines')
  }
  const text = note.slice(0, end + 1)
  const lines = note.slice(end + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) {
    throw new MailxError('BAD_NOTE', `the note has over ${MAX_SIGNATURES} signatures`)
  }
  const verifiedBy: string[] = []
  for (const line of lines) {
    const { name, id, signature } = parseSignature(line)
    const verifier = verifiers.find((known) => known.name === name && equal(keyId(known), id))
    if (verifier === undefined) continue
    if (!verify(verifier.publicKey, utf8(text), signature)) {
      throw new MailxError('BAD_NOTE', `the signature of ${name} on the note is wrong`)
    }
    verifiedBy.push(name)
  }
  if (verifiedBy.length === 0) {
    throw new MailxError('BAD_NOTE', 'nobody whose key is known signed the note')
  }
  return { text, verifiedBy: [...new Set(verifiedBy)] }
}

/** What the format asks of all of a note: valid Unicode, and no control below U+0020 but the newline. */
function checkNote(note: string): void {
  const controls = /[^\P{Cc}\n\u007f-\u009f]/u
  if (!note.endsWith('\n') || !note.isWellFormed() || controls.test(note)) {
    throw new MailxError('BAD_NOTE', 'a note ends with a newline and has no control characters')
  }
}

function parseSignature(line: string) {
  const [start, name = '', encoded = '', ...rest] = line.split(' ')
  if (start !== '\u2014' || !isVerifierName(name) || encoded === '' || rest.length > 0) {
    throw new MailxError('BAD_NOTE', 'a signature line of the note is malformed')
  }
  const bytes = decode(encoded)
  if (bytes.length < 5) throw new MailxError('BAD_NOTE', `the signature of ${name} is too short`)
  return { name, id: bytes.subarray(0, 4), signature: bytes.subarray(4) }
}

function decode(text: string): Uint8Array {
  try {
    return fromBase64(text)
  } catch (cause) {
    throw new MailxError('BAD_NOTE', 'a signature of the note is not base64', { cause })
  }
}
