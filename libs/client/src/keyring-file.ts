import { fromBase64, fromUtf8, toBase64, utf8 } from '@mailx/crypto/encoding'
import { deriveKey } from '@mailx/crypto/password'
import { openSecretbox, sealSecretbox } from '@mailx/crypto/secretbox'
import { MailxError } from '@mailx/errors/mailx-error'
import { parseUntrusted } from '@mailx/json/parse-untrusted'
import * as z from 'zod'
import type { DeviceKeys, Keyring } from './keyring.ts'

const seed = (length: number) =>
  z.string().transform((text, ctx) => {
    try {
      return fromBase64(text, length)
    } catch {
      ctx.addIssue(`must be ${length} bytes in base64`)
      return z.NEVER
    }
  })

const DeviceRecord = z.object({
  id: seed(16),
  name: z.string(),
  signingSeed: seed(32),
  encryptionSeed: seed(32),
  addedAt: z.number().int(),
  mailbox: z.boolean(),
})

const KeyringRecord = z.object({
  address: z.string(),
  userSeed: seed(32),
  device: DeviceRecord,
  mailboxDevice: DeviceRecord,
})

const KeyringFile = z.union([
  z.object({ mailxKeyring: z.literal(1), protection: z.literal('none'), keyring: KeyringRecord }),
  z.object({
    mailxKeyring: z.literal(1),
    protection: z.literal('argon2id'),
    address: z.string(),
    salt: seed(16),
    opsLimit: z.number().int().min(1).max(16),
    memLimit: z
      .number()
      .int()
      .min(8 * 1024)
      .max(1024 * 1024 * 1024),
    nonce: seed(24),
    sealed: z.string(),
  }),
])

/** Argon2id of libsodium's `moderate` kind: 3 passes over 256 MiB, about a second. */
const ARGON2ID = { opsLimit: 3, memLimit: 256 * 1024 * 1024 }

const deviceRecord = (device: DeviceKeys) => ({
  ...device,
  id: toBase64(device.id),
  signingSeed: toBase64(device.signingSeed),
  encryptionSeed: toBase64(device.encryptionSeed),
})

const keyringRecord = (keyring: Keyring) => ({
  address: keyring.address,
  userSeed: toBase64(keyring.userSeed),
  device: deviceRecord(keyring.device),
  mailboxDevice: deviceRecord(keyring.mailboxDevice),
})

/** The text of a keyring file. With `passphrase: undefined` the keys lie in it unprotected, on purpose. */
export async function sealKeyring(
  keyring: Keyring,
  passphrase: string | undefined,
  random: (length: number) => Uint8Array,
): Promise<string> {
  const record = keyringRecord(keyring)
  if (passphrase === undefined) {
    return `${JSON.stringify({ mailxKeyring: 1, protection: 'none', keyring: record }, null, 2)}\n`
  }
  const salt = random(16)
  const nonce = random(24)
  const key = await deriveKey(passphrase, salt, ARGON2ID)
  const sealed = sealSecretbox({ key, nonce }, utf8(JSON.stringify(record)))
  const file = {
    mailxKeyring: 1,
    protection: 'argon2id',
    address: keyring.address,
    salt: toBase64(salt),
    ...ARGON2ID,
    nonce: toBase64(nonce),
    sealed: toBase64(sealed),
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

/** Whether `openKeyring` will need a passphrase for this file. */
export const needsPassphrase = (text: string): boolean => parseFile(text).protection === 'argon2id'

/** Throws UNAUTHENTICATED on a wrong passphrase, INVALID_ARGUMENT on a file that is not a keyring. */
export async function openKeyring(text: string, passphrase: string | undefined): Promise<Keyring> {
  const file = parseFile(text)
  if (file.protection === 'none') return file.keyring
  if (passphrase === undefined) {
    throw new MailxError('UNAUTHENTICATED', 'this keyring is locked: give its passphrase')
  }
  const { salt, nonce, opsLimit, memLimit } = file
  const key = await deriveKey(passphrase, salt, { opsLimit, memLimit })
  const opened = openSecretbox({ key, nonce }, fromBase64(file.sealed))
  if (opened === undefined) {
    throw new MailxError('UNAUTHENTICATED', 'the passphrase does not open this keyring')
  }
  return parse(KeyringRecord, fromUtf8(opened))
}

const parseFile = (text: string) => parse(KeyringFile, text)

function parse<Schema extends z.ZodType>(schema: Schema, text: string): z.infer<Schema> {
  const result = schema.safeParse(parseUntrusted(text))
  if (result.success) return result.data
  throw new MailxError(
    'INVALID_ARGUMENT',
    `this is not a keyring file: ${z.prettifyError(result.error)}`,
  )
}
