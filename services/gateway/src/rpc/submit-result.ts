import { MailxError } from '@mailx/errors/mailx-error'
import type { Submission, SubmitResult } from '@mailx/proto/client/v1/client_service'
import type { Acceptance } from './accept-submission.ts'

export const acceptedResult = (
  { messageId }: Submission,
  { acceptedAt }: Acceptance,
): SubmitResult => ({
  messageId,
  code: '',
  message: '',
  acceptedAtUnixMs: BigInt(acceptedAt),
  retryAfterMs: 0,
})

/** What was not foreseen leaves as a bare INTERNAL. */
export function refusedResult({ messageId }: Submission, error: unknown): SubmitResult {
  const known = error instanceof MailxError && error.code !== 'INTERNAL'
  return {
    messageId,
    code: known ? error.code : 'INTERNAL',
    message: known ? error.message : 'internal error',
    acceptedAtUnixMs: 0n,
    retryAfterMs: known ? Math.ceil(error.retryAfterMs ?? 0) : 0,
  }
}
