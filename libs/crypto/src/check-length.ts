import { MailxError } from '@mailx/errors/mailx-error'

/** Throws BAD_KEY unless the bytes are exactly so many. */
export function checkLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) {
    throw new MailxError('BAD_KEY', `${what} must be ${length} bytes, not ${bytes.length}`)
  }
}
