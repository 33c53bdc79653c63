import { toHex } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { verifyStatement } from '@mailx/statement/statement'
import type { User } from './user.ts'

export type SessionRequest = {
  readonly address: string
  readonly deviceId: Uint8Array
  readonly nonce: Uint8Array
  readonly expiresAt: number
  readonly signature: Uint8Array
}

// A point that verifies nothing of ours: strangers cost the same step as users.
const nobody = new Uint8Array(32).fill(0x11)

/**
 * The device signed the challenge and may act for the user. One answer for an unknown address, an
 * unknown device and a wrong signature: UNAUTHENTICATED. Only who holds a revoked device's key learns
 * DEVICE_REVOKED.
 */
export function checkSession(request: SessionRequest, user: User): void {
  const { signature, ...record } = request
  const device =
    user.status === 'registered' ? user.devices.get(toHex(request.deviceId)) : undefined
  const signed = verifyStatement(
    'session-challenge',
    record,
    signature,
    device?.signingKey ?? nobody,
  )
  if (device === undefined || !signed) {
    throw new MailxError(
      'UNAUTHENTICATED',
      'no such user or device, or the challenge is not signed by the device',
    )
  }
  if (device.status === 'revoked') {
    throw new MailxError('DEVICE_REVOKED', 'this device was removed by the user; add it anew')
  }
}
