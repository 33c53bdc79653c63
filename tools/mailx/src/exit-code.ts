import { type ErrorCode, MailxError } from '@mailx/errors/mailx-error'

/** What a script can tell from the exit code. Printed by `mailx --help`. */
export const exitCodes = {
  0: 'done',
  1: 'an error that nobody foresaw',
  2: 'the command line is wrong: see --help',
  3: 'no such address, domain, message or file',
  4: 'not signed in: wrong passphrase, no keyring, revoked device',
  5: 'refused: a limit, a quota, a permission, or something that is there already',
  6: 'out of reach at the moment: try again',
  7: 'a signature, key or proof is wrong: nothing was shown and nothing was sent',
} as const

export type ExitCode = keyof typeof exitCodes

const exitCodeOf: Partial<Record<ErrorCode, ExitCode>> = {
  INVALID_ARGUMENT: 2,
  INVALID_ADDRESS: 2,
  INVALID_DOMAIN: 2,
  NOT_FOUND: 3,
  DOMAIN_NOT_FOUND: 3,
  NO_MAILX_RECORD: 3,
  UNAUTHENTICATED: 4,
  SESSION_EXPIRED: 4,
  DEVICE_REVOKED: 4,
  TOO_LARGE: 5,
  TOO_MANY_RECIPIENTS: 5,
  EXPIRED: 5,
  FROM_THE_FUTURE: 5,
  ALREADY_EXISTS: 5,
  DUPLICATE_MESSAGE_ID: 5,
  FAILED_PRECONDITION: 5,
  CONFLICT: 5,
  QUOTA_EXCEEDED: 5,
  PERMISSION_DENIED: 5,
  PEER_NOT_ALLOWED: 5,
  RATE_LIMITED: 6,
  RESOURCE_EXHAUSTED: 6,
  DEADLINE_EXCEEDED: 6,
  UNAVAILABLE: 6,
  STORAGE_FULL: 6,
  DISCOVERY_FAILED: 6,
  BAD_KEY: 7,
  BAD_SIGNATURE: 7,
  BAD_PROOF: 7,
  BAD_NOTE: 7,
  BAD_ENVELOPE: 7,
  BAD_CONTENT: 7,
  NO_KEY_PACKET: 7,
  DECRYPTION_FAILED: 7,
  KEY_CHANGED: 7,
  BAD_MAILX_RECORD: 7,
  BAD_DOMAIN_DOCUMENT: 7,
  ADDRESS_NOT_ALLOWED: 7,
  PEER_NOT_AUTHENTIC: 7,
}

/** The exit code that an error ends the program with. */
export const toExitCode = (error: unknown): ExitCode =>
  error instanceof MailxError ? (exitCodeOf[error.code] ?? 1) : 1
