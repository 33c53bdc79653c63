import { fromHex, toHex, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { MailxError } from '@mailx/errors/mailx-error'

const CODE_BYTES = 16
const GROUP = 4

/** The 128 random bits that every long-lived secret of an account grows from. */
export type RecoverySecret = Uint8Array

/** Shown once and written down: eight groups of four hexadecimal digits and a check group. */
export function formatRecoveryCode(secret: RecoverySecret): string {
  const digits = toHex(secret) + checkDigits(secret)
  return (digits.match(new RegExp(`.{${GROUP}}`, 'g')) ?? []).join('-')
}

/** Takes the code in any case, with any spaces or dashes. Throws INVALID_ARGUMENT on a mistyped one. */
export function parseRecoveryCode(text: string): RecoverySecret {
  const digits = text.toLowerCase().replace(/[\s-]/g, '')
  const expected = CODE_BYTES * 2 + GROUP
  if (!/^[0-9a-f]*$/.test(digits) || digits.length !== expected) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      `a recovery code has nine groups of four digits 0-9 a-f (${expected} in all); this one has ${digits.length}`,
    )
  }
  const secret = fromHex(digits.slice(0, CODE_BYTES * 2))
  if (digits.slice(CODE_BYTES * 2) !== checkDigits(secret)) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      'the recovery code does not match its last group: a digit is mistyped',
    )
  }
  return secret
}

function checkDigits(secret: RecoverySecret): string {
  return toHex(blake2b(secret, { length: 16, key: utf8('mailx/v1/recovery-check') })).slice(
    0,
    GROUP,
  )
}
