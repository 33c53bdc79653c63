import { fromHex } from '@mailx/crypto/encoding'
import { signingKeyPair, verify } from '@mailx/crypto/sign'
import { expect, test } from 'vitest'
import { checkEncryptionKey, checkSigningKey } from './check-key.ts'
import { sampleDevice } from './testing/sample-domain.ts'

const badKey = expect.objectContaining({ code: 'BAD_KEY' })
const { device } = sampleDevice('alice@a.example', 'laptop', 1)

const smallOrderEd25519 = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
]

const nonCanonical = [
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

const lowOrderX25519 = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

test('keys that were made properly are usable', () => {
  expect(() => checkSigningKey(device.signingKey, 'it')).not.toThrow()
  expect(() => checkEncryptionKey(device.encryptionKey, 'it')).not.toThrow()
})

test.each([...smallOrderEd25519, ...nonCanonical])('%s is no signing key', (hex) => {
  expect(() => checkSigningKey(fromHex(hex), 'it')).toThrow(badKey)
})

test('a signing key that the check refuses verifies nothing either', () => {
  const { secretKey } = signingKeyPair(fromHex('07'.repeat(32)))
  for (const hex of [...smallOrderEd25519, ...nonCanonical]) {
    expect(verify(fromHex(hex), new Uint8Array(0), new Uint8Array(64))).toBe(false)
    expect(verify(fromHex(hex), new Uint8Array(0), secretKey)).toBe(false)
  }
})

test.each([...lowOrderX25519, ...nonCanonical])('%s is no encryption key', (hex) => {
  expect(() => checkEncryptionKey(fromHex(hex), 'it')).toThrow(badKey)
})

test('an encryption key with the top bit set is a second spelling and refused', () => {
  const twin = Uint8Array.from(device.encryptionKey)
  twin[31] = (twin[31] ?? 0) | 0x80
  expect(() => checkEncryptionKey(twin, 'it')).toThrow(badKey)
})

test.each([0, 31, 33, 64])('%i bytes are no key', (length) => {
  const key = new Uint8Array(length).fill(9)
  expect(() => checkSigningKey(key, 'it')).toThrow('it is not 32 bytes')
  expect(() => checkEncryptionKey(key, 'it')).toThrow('it is not 32 bytes')
})
