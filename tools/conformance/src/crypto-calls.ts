import { x25519 } from '@mailx/crypto/agreement'
import { openBox } from '@mailx/crypto/box'
import { toBase64 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { openSecretbox } from '@mailx/crypto/secretbox'
import { verify } from '@mailx/crypto/sign'
import { bytesField, intField, wrong } from './fields.ts'
import { type Call, checked, refused, type Verdict } from './verdict.ts'

export const verifyEd25519: Call = (fields) =>
  checked(
    verify(
      bytesField(fields, 'publicKey'),
      bytesField(fields, 'message'),
      bytesField(fields, 'signature'),
    ),
    'BAD_SIGNATURE',
    'the signature does not verify',
  )

export const agreeX25519: Call = (fields) => ({
  ok: true,
  out: toBase64(x25519(bytesField(fields, 'secretKey'), bytesField(fields, 'publicKey'))),
})

export const hashBlake2b: Call = (fields) => {
  const length = fields['length'] === undefined ? 32 : intField(fields, 'length')
  if (length < 1 || length > 64) throw wrong('length', 'a number from 1 to 64')
  const key = fields['key'] === undefined ? undefined : bytesField(fields, 'key')
  if (key !== undefined && key.length > 64) throw wrong('key', 'at most 64 bytes')
  const message = bytesField(fields, 'message')
  return { ok: true, out: toBase64(blake2b(message, { length, ...(key && { key }) })) }
}

export const secretboxOpen: Call = (fields) => {
  const keys = { key: bytesField(fields, 'key'), nonce: bytesField(fields, 'nonce') }
  return opened(openSecretbox(keys, bytesField(fields, 'ciphertext')))
}

export const boxOpen: Call = (fields) => {
  const keys = {
    recipient: bytesField(fields, 'secretKey'),
    sender: bytesField(fields, 'publicKey'),
    nonce: bytesField(fields, 'nonce'),
  }
  return opened(openBox(keys, bytesField(fields, 'ciphertext')))
}

const opened = (message: Uint8Array | undefined): Verdict =>
  message === undefined
    ? refused('DECRYPTION_FAILED', 'the box does not open with these keys')
    : { ok: true, out: toBase64(message) }
