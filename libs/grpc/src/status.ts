import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { type ErrorCode, isErrorCode, MailxError } from '@mailx/errors/mailx-error'

export const CODE_TRAILER = 'mailx-code'
export const RETRY_AFTER_TRAILER = 'mailx-retry-after-ms'

/** The gRPC status that carries each code. The exact code travels in the trailer `mailx-code`. */
export const statusOf: Readonly<Record<ErrorCode, status>> = {
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
  INVALID_ADDRESS: status.INVALID_ARGUMENT,
  INVALID_DOMAIN: status.INVALID_ARGUMENT,
  TOO_LARGE: status.INVALID_ARGUMENT,
  TOO_MANY_RECIPIENTS: status.INVALID_ARGUMENT,
  EXPIRED: status.FAILED_PRECONDITION,
  FROM_THE_FUTURE: status.FAILED_PRECONDITION,
  NOT_FOUND: status.NOT_FOUND,
  ALREADY_EXISTS: status.ALREADY_EXISTS,
  DUPLICATE_MESSAGE_ID: status.ALREADY_EXISTS,
  FAILED_PRECONDITION: status.FAILED_PRECONDITION,
  CONFLICT: status.ABORTED,
  QUOTA_EXCEEDED: status.RESOURCE_EXHAUSTED,
  UNAUTHENTICATED: status.UNAUTHENTICATED,
  SESSION_EXPIRED: status.UNAUTHENTICATED,
  DEVICE_REVOKED: status.PERMISSION_DENIED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  RATE_LIMITED: status.RESOURCE_EXHAUSTED,
  BAD_KEY: status.INVALID_ARGUMENT,
  BAD_SIGNATURE: status.INVALID_ARGUMENT,
  BAD_PROOF: status.INVALID_ARGUMENT,
  BAD_NOTE: status.INVALID_ARGUMENT,
  BAD_ENVELOPE: status.INVALID_ARGUMENT,
  BAD_CONTENT: status.INVALID_ARGUMENT,
  NO_KEY_PACKET: status.INVALID_ARGUMENT,
  DECRYPTION_FAILED: status.INVALID_ARGUMENT,
  KEY_CHANGED: status.FAILED_PRECONDITION,
  DOMAIN_NOT_FOUND: status.NOT_FOUND,
  NO_MAILX_RECORD: status.NOT_FOUND,
  BAD_MAILX_RECORD: status.FAILED_PRECONDITION,
  BAD_DOMAIN_DOCUMENT: status.FAILED_PRECONDITION,
  DISCOVERY_FAILED: status.UNAVAILABLE,
  ADDRESS_NOT_ALLOWED: status.FAILED_PRECONDITION,
  PEER_NOT_ALLOWED: status.PERMISSION_DENIED,
  PEER_NOT_AUTHENTIC: status.UNAUTHENTICATED,
  UNSUPPORTED_VERSION: status.FAILED_PRECONDITION,
  RESOURCE_EXHAUSTED: status.RESOURCE_EXHAUSTED,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  UNAVAILABLE: status.UNAVAILABLE,
  STORAGE_FULL: status.UNAVAILABLE,
  UNSAFE_CONFIGURATION: status.UNAVAILABLE,
  CORRUPT_LOG: status.DATA_LOSS,
  INTERNAL: status.INTERNAL,
}

/** What a status means when no `mailx-code` came with it: another program or a proxy spoke. */
const codeOf: Readonly<Partial<Record<status, ErrorCode>>> = {
  [status.CANCELLED]: 'UNAVAILABLE',
  [status.INVALID_ARGUMENT]: 'INVALID_ARGUMENT',
  [status.DEADLINE_EXCEEDED]: 'DEADLINE_EXCEEDED',
  [status.NOT_FOUND]: 'NOT_FOUND',
  [status.ALREADY_EXISTS]: 'ALREADY_EXISTS',
  [status.PERMISSION_DENIED]: 'PERMISSION_DENIED',
  [status.RESOURCE_EXHAUSTED]: 'RESOURCE_EXHAUSTED',
  [status.FAILED_PRECONDITION]: 'FAILED_PRECONDITION',
  [status.ABORTED]: 'CONFLICT',
  [status.OUT_OF_RANGE]: 'INVALID_ARGUMENT',
  [status.UNIMPLEMENTED]: 'UNSUPPORTED_VERSION',
  [status.UNAVAILABLE]: 'UNAVAILABLE',
  [status.DATA_LOSS]: 'CORRUPT_LOG',
  [status.UNAUTHENTICATED]: 'UNAUTHENTICATED',
}

/** Whether a status tells of trouble in the server, not of the request (OpenTelemetry, RPC spans). */
export const isServerFault = (code: status): boolean =>
  code === status.UNKNOWN ||
  code === status.DEADLINE_EXCEEDED ||
  code === status.UNIMPLEMENTED ||
  code === status.INTERNAL ||
  code === status.UNAVAILABLE ||
  code === status.DATA_LOSS

/** What the caller gets to see. Anything but a MailxError leaves as a bare INTERNAL. */
export function toStatus(error: unknown): {
  code: status
  details: string
  metadata: Metadata
} {
  const metadata = new Metadata()
  if (!(error instanceof MailxError) || error.code === 'INTERNAL') {
    metadata.set(CODE_TRAILER, 'INTERNAL')
    return { code: status.INTERNAL, details: 'internal error', metadata }
  }
  metadata.set(CODE_TRAILER, error.code)
  if (error.retryAfterMs !== undefined) {
    metadata.set(RETRY_AFTER_TRAILER, String(Math.ceil(error.retryAfterMs)))
  }
  return { code: statusOf[error.code], details: error.message, metadata }
}

/** The error a call failed with, as the server threw it. Texts of strangers are cut and cleaned. */
export function fromServiceError(error: unknown): MailxError {
  if (error instanceof MailxError) return error
  if (!isServiceError(error)) {
    return new MailxError('INTERNAL', 'the call failed inside this program', { cause: error })
  }
  const sent = error.metadata?.get(CODE_TRAILER)[0]
  const code = isErrorCode(sent) ? sent : (codeOf[error.code] ?? 'INTERNAL')
  const retryAfterMs = Number(error.metadata?.get(RETRY_AFTER_TRAILER)[0] ?? Number.NaN)
  const message = cleanText(error.details) || `the call failed with ${status[error.code]}`
  const passes = Number.isSafeInteger(retryAfterMs) && retryAfterMs >= 0
  return new MailxError(code, message, { cause: error, ...(passes ? { retryAfterMs } : {}) })
}

export const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error &&
  typeof (error as Partial<ServiceError>).code === 'number' &&
  typeof (error as Partial<ServiceError>).details === 'string'

const cleanText = (text: string): string =>
  text
    .slice(0, 500)
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
