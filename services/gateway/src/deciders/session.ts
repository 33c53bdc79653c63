import { MailxError } from '@mailx/errors/mailx-error'

/** Who calls, on which device. */
export type Session = {
  readonly address: string
  readonly deviceId: Uint8Array
  readonly sessionId: Uint8Array
  readonly issuedAt: number
  readonly expiresAt: number
}

/** Tokens live shorter than this; device lists older than it concern no living token. */
export const LONGEST_SESSION_MS = 8 * 24 * 60 * 60 * 1000

/**
 * Throws unless the session may go on: SESSION_EXPIRED when its time is over, UNAUTHENTICATED when it
 * claims to live for longer than any session does, DEVICE_REVOKED when its device is not in the user's
 * newest list any more. `isListed` is undefined for users whose list has not changed of late: the
 * token was issued for a device in it.
 */
export function checkSession(
  session: Pick<Session, 'issuedAt' | 'expiresAt'>,
  isListed: boolean | undefined,
  now: number,
): void {
  if (now >= session.expiresAt) {
    throw new MailxError('SESSION_EXPIRED', 'the session is over; open a new one')
  }
  if (session.expiresAt - session.issuedAt > LONGEST_SESSION_MS) {
    throw new MailxError('UNAUTHENTICATED', 'no session lasts as long as this one claims to')
  }
  if (isListed === false) {
    throw new MailxError(
      'DEVICE_REVOKED',
      'this device was removed from the user’s device list; use another one',
    )
  }
}
