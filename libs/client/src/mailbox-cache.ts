import { concat, fromBase64, fromUtf8, toBase64, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { openSecretbox, sealSecretbox } from '@mailx/crypto/secretbox'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Keyring } from './keyring.ts'

/** One message as lists show it. `refused` holds the code of the check that failed. */
export type Summary = {
  readonly id: string
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly receivedAt: number
  readonly size: number
  readonly flags: readonly string[]
  readonly attachments: number
  readonly inReplyTo?: string
  readonly refused?: string
}

/** What a client keeps of its mailbox between runs, so that it fetches only what is new. */
export type MailboxCache = {
  /** Base64. */
  readonly cursor: string
  readonly messages: Readonly<Record<string, Summary>>
}

export const emptyCache: MailboxCache = { cursor: '', messages: {} }

const NONCE_BYTES = 24

const cacheKey = ({ device }: Keyring) =>
  blake2b(utf8('mailx/v1/mailbox-cache'), { key: device.encryptionSeed })

/** Sealed under a key of this device: subjects are no more readable on disk than the keyring is. */
export function sealCache(cache: MailboxCache, keyring: Keyring, nonce: Uint8Array): string {
  const sealed = sealSecretbox({ key: cacheKey(keyring), nonce }, utf8(JSON.stringify(cache)))
  return toBase64(concat(nonce, sealed))
}

/** Throws BAD_CONTENT on a file that this device did not write. */
export function openCache(text: string, keyring: Keyring): MailboxCache {
  const bytes = fromBase64(text.trim())
  const nonce = bytes.subarray(0, NONCE_BYTES)
  const opened = openSecretbox({ key: cacheKey(keyring), nonce }, bytes.subarray(NONCE_BYTES))
  if (opened === undefined) {
    throw new MailxError(
      'BAD_CONTENT',
      'the stored mailbox was not written by this device: remove the file mailbox.sealed',
    )
  }
  return JSON.parse(fromUtf8(opened)) as MailboxCache
}
