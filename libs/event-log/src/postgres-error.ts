import { MailxError } from '@mailx/errors/mailx-error'
import { tlsTrouble } from '@mailx/errors/tls-trouble'

type PostgresError = Error & { readonly code: string; readonly severity: string }

/** Postgres itself answered, and rolled the transaction back. Any other error leaves it open whether it committed. */
export function isRefusal(error: unknown): error is PostgresError {
  const { code, severity } = error as Partial<PostgresError>
  return code?.length === 5 && severity === 'ERROR'
}

/**
 * What stands in the way passes without anybody changing the statement: the connection, the password
 * or certificate it is made with, the disk, a lock, a serialization failure, a server that is starting,
 * stopping or read-only.
 */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, severity } = error as Partial<PostgresError>
  if (severity === undefined || code === undefined) return isConnectionError(error)
  return (
    ['08', '28', '40', '53', '57', '58'].includes(code.slice(0, 2)) ||
    code === '25006' ||
    code === '55P03'
  )
}

/** The role lacks the right. */
export const isNotAllowed = (error: unknown): boolean =>
  (error as Partial<PostgresError>).code === '42501'

/** There is no such table or schema. */
export const isMissing = (error: unknown): boolean =>
  ['42P01', '3F000'].includes((error as Partial<PostgresError>).code ?? '')

/** The connection could not be made or was lost. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError) return error.errors.every(isConnectionError)
  if (tlsTrouble(error, 'DATABASE') !== undefined) return true
  const { code } = error as NodeJS.ErrnoException
  if (code !== undefined) return /^(E[A-Z]+|08\w{3}|57P0[123])$/.test(code)
  return /connection|timeout|terminated|not queryable|after calling end/i.test(error.message)
}

/** The MailxError that a caller gets for an error of Postgres. Nothing was changed. */
export function fromPostgresError(error: unknown): MailxError {
  if (error instanceof MailxError) return error
  const options = { cause: error, retryAfterMs: 1000 }
  const { code, message } = error as Partial<PostgresError>
  const unsafe = tlsTrouble(error, 'DATABASE')
  if (unsafe !== undefined) {
    return new MailxError('UNAVAILABLE', `Postgres is not there by TLS: ${unsafe}`, options)
  }
  if (code === '53100') {
    return new MailxError('STORAGE_FULL', "Postgres' disk is full: make room on it", options)
  }
  if (code === '25006') {
    return new MailxError('UNAVAILABLE', 'Postgres is read-only: nothing was stored', options)
  }
  if (isTransient(error)) {
    return new MailxError('UNAVAILABLE', `Postgres is not available: ${message}`, options)
  }
  return new MailxError('INTERNAL', 'Postgres refused a statement', { cause: error })
}

/** The query's result; its failure becomes the MailxError that a caller may see. */
export async function answer<T>(query: Promise<T>): Promise<T> {
  try {
    return await query
  } catch (error) {
    throw fromPostgresError(error)
  }
}
