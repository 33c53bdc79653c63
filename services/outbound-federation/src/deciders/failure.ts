import { type ErrorCode, MailxError } from '@mailx/errors/mailx-error'
import type { Fault } from './delivery.ts'
import { cleanText } from './peer-answer.ts'

/** At which step an attempt ended. */
export type AttemptStage = 'discover' | 'connect' | 'prepare' | 'deliver'

export type Failure = {
  readonly fault: Fault
  /**
   * refuse: trying again cannot help · retry: the peer's side, with backoff, and the sender is told ·
   * wait: our own side, soon again, and nobody is told.
   */
  readonly action: 'refuse' | 'retry' | 'wait'
}

/** PROTOCOL §3: what discovery found out for good. */
const permanent: ReadonlySet<ErrorCode> = new Set([
  'DOMAIN_NOT_FOUND',
  'NO_MAILX_RECORD',
  'BAD_MAILX_RECORD',
  'INVALID_DOMAIN',
  'PEER_NOT_ALLOWED',
])

/** Answers that the directory never gives about a peer: it is the directory that is in trouble. */
const ownTrouble: ReadonlySet<ErrorCode> = new Set([
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'RESOURCE_EXHAUSTED',
  'INTERNAL',
])

/** What a failed attempt means for the lane. Only discovery can tell that a domain is not there. */
export function readFailure(error: unknown, stage: AttemptStage): Failure {
  const { code, message } =
    error instanceof MailxError ? error : new MailxError('INTERNAL', 'the attempt failed here')
  const fault = { code, reason: cleanText(message) }
  switch (stage) {
    case 'discover':
      if (permanent.has(code)) return { fault, action: 'refuse' }
      return { fault, action: ownTrouble.has(code) ? 'wait' : 'retry' }
    case 'prepare':
      return { fault, action: 'wait' }
    case 'connect':
    case 'deliver':
      return { fault, action: 'retry' }
  }
}
