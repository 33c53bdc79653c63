import { sodium } from '#sodium'
import { checkLength } from './check-length.ts'
import { utf8 } from './encoding.ts'

/** Passes over memory, and bytes of memory. */
export type Argon2idCost = { readonly opsLimit: number; readonly memLimit: number }

/** 32 bytes by Argon2id (RFC 9106) from a passphrase and a 16-byte salt. Runs off the main thread on servers. */
export async function deriveKey(
  passphrase: string,
  salt: Uint8Array,
  cost: Argon2idCost,
): Promise<Uint8Array> {
  checkLength(salt, 16, 'a salt')
  const text = utf8(passphrase.normalize('NFC'))
  return sodium.pwhashArgon2id(32, text, salt, cost.opsLimit, cost.memLimit)
}
