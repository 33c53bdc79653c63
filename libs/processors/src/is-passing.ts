import { MailxError } from '@mailx/errors/mailx-error'
import { isTransient } from '@mailx/event-log/postgres-error'

const PASSING = new Set([
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'RESOURCE_EXHAUSTED',
  'RATE_LIMITED',
  'STORAGE_FULL',
])

/** The failure is of the surroundings, not of the event: trying again later helps. */
export const isPassing = (error: unknown): boolean =>
  error instanceof MailxError ? PASSING.has(error.code) : isTransient(error)
