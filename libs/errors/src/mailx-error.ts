/**
 * What went wrong, for programs. Each code has one meaning everywhere: in an exception, in the gRPC
 * trailer `mailx-code`, in the CLI's JSON output. Add codes; never change the meaning of one.
 */
export const errorCodes = [
  // the caller's input
  'INVALID_ARGUMENT',
  'INVALID_ADDRESS',
  'INVALID_DOMAIN',
  'TOO_LARGE',
  'TOO_MANY_RECIPIENTS',
  'EXPIRED',
  'FROM_THE_FUTURE',
  // state
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'DUPLICATE_MESSAGE_ID',
  'FAILED_PRECONDITION',
  'CONFLICT',
  'QUOTA_EXCEEDED',
  // who asks
  'UNAUTHENTICATED',
  'SESSION_EXPIRED',
  'DEVICE_REVOKED',
  'PERMISSION_DENIED',
  'RATE_LIMITED',
  // cryptography: nothing was shown, nothing was stored
  'BAD_KEY',
  'BAD_SIGNATURE',
  'BAD_PROOF',
  'BAD_NOTE',
  'BAD_ENVELOPE',
  'BAD_CONTENT',
  'NO_KEY_PACKET',
  'DECRYPTION_FAILED',
  'KEY_CHANGED',
  // other domains
  'DOMAIN_NOT_FOUND',
  'NO_MAILX_RECORD',
  'BAD_MAILX_RECORD',
  'BAD_DOMAIN_DOCUMENT',
  'DISCOVERY_FAILED',
  'ADDRESS_NOT_ALLOWED',
  'PEER_NOT_ALLOWED',
  'PEER_NOT_AUTHENTIC',
  'UNSUPPORTED_VERSION',
  // the machinery
  'RESOURCE_EXHAUSTED',
  'DEADLINE_EXCEEDED',
  'UNAVAILABLE',
  'STORAGE_FULL',
  'UNSAFE_CONFIGURATION',
  'CORRUPT_LOG',
  'INTERNAL',
] as const

export type ErrorCode = (typeof errorCodes)[number]

export type MailxErrorOptions = ErrorOptions & {
  /** When the caller may try again. Set on refusals that pass with time. */
  readonly retryAfterMs?: number
}

/**
 * The only error that MailX code throws on purpose. The message may be shown to the caller: it names
 * what is wrong and what to do about it, and holds no secret.
 */
export class MailxError extends Error {
  override readonly name = 'MailxError'
  readonly code: ErrorCode
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, options: MailxErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.retryAfterMs = options.retryAfterMs
  }
}

export const isErrorCode = (text: unknown): text is ErrorCode =>
  typeof text === 'string' && (errorCodes as readonly string[]).includes(text)
