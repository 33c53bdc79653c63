import { MailxError } from '@mailx/errors/mailx-error'
import { parseCheckpoint } from '@mailx/merkle/checkpoint'
import { openNote } from '@mailx/merkle/note'
import { type DomainDocument, keysFor } from './domain-document.ts'
import { keyLogOrigin } from './key-log-origin.ts'

/**
 * Size and root of the domain's key log, as a `log` key of its document signed them. Throws BAD_NOTE,
 * or BAD_PROOF where the domain has no log.
 */
export function openCheckpoint(
  note: string,
  document: DomainDocument,
  now: number,
): { size: number; root: Uint8Array } {
  if (document.log === null) {
    throw new MailxError('BAD_PROOF', `${document.domain} has no key log yet, try again later`)
  }
  const origin = keyLogOrigin(document.domain)
  const verifiers = keysFor(document, 'log', now).map(({ publicKey }) => ({
    name: origin,
    publicKey,
  }))
  const checkpoint = parseCheckpoint(openNote(note, verifiers).text)
  if (checkpoint.origin !== origin) {
    throw new MailxError('BAD_NOTE', `the checkpoint is of ${checkpoint.origin}, not of ${origin}`)
  }
  return { size: checkpoint.size, root: checkpoint.root }
}
