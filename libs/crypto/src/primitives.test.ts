import { expect, test } from 'vitest'
import weak from '../vectors/weak-points.json' with { type: 'json' }
import { encryptionKeyPair, x25519 } from './agreement.ts'
import { openBox, sealBox } from './box.ts'
import { constantTimeEqual } from './constant-time.ts'
import { fromBase64, fromHex, fromUtf8, toBase64, uint32be, uint64be, utf8 } from './encoding.ts'
import { blake2b, blake2b256 } from './hash.ts'
import { unwrapKey, wrapKey } from './key-encryption.ts'
import { pad, padmeLength, unpad } from './padding.ts'
import { randomBytes } from './random.ts'
import { openSecretbox, sealSecretbox } from './secretbox.ts'
import { sign, signingKeyPair, verify } from './sign.ts'
import { openStream, sealStream } from './stream.ts'
import { formatId, newId, parseId } from './uuid.ts'

const { publicKey, secretKey } = signingKeyPair(new Uint8Array(32).fill(7))
const message = utf8('message')
const signature = sign(secretKey, message)

test.each([0, 31, 33, 64])('a key of %i bytes verifies nothing', (length) => {
  expect(verify(new Uint8Array(length), message, signature)).toBe(false)
})

test.each([0, 63, 65, 128])('a signature of %i bytes is none', (length) => {
  const bytes = new Uint8Array(length)
  bytes.set(signature.subarray(0, length))
  expect(verify(publicKey, message, bytes)).toBe(false)
})

test('a signature verifies over memory that is shared between threads', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(message.length))
  shared.set(message)
  expect(verify(publicKey, shared, signature)).toBe(true)
  expect(blake2b256(shared)).toEqual(blake2b256(message))
})

test.each(weak.x25519LowOrder)('a box to the low-order key %s is refused', (point) => {
  const keys = { sender: new Uint8Array(32).fill(1), nonce: new Uint8Array(24) }
  expect(() => x25519(keys.sender, fromHex(point))).toThrow(
    expect.objectContaining({ code: 'BAD_KEY' }),
  )
  expect(() => sealBox({ ...keys, recipient: fromHex(point) }, message)).toThrow(
    expect.objectContaining({ code: 'BAD_KEY' }),
  )
})

test('a box opens for its recipient alone', () => {
  const [alice, bob, eve] = [1, 2, 3].map((n) => encryptionKeyPair(new Uint8Array(32).fill(n)))
  if (!alice || !bob || !eve) throw new Error('no keys')
  const nonce = randomBytes(24)
  const box = sealBox({ recipient: bob.publicKey, sender: alice.secretKey, nonce }, message)
  const open = (recipient: Uint8Array, sender: Uint8Array) =>
    openBox({ recipient, sender, nonce }, box)
  expect(open(bob.secretKey, alice.publicKey)).toEqual(message)
  expect(open(eve.secretKey, alice.publicKey)).toBeUndefined()
  expect(open(bob.secretKey, eve.publicKey)).toBeUndefined()
  expect(
    openBox({ recipient: bob.secretKey, sender: alice.publicKey, nonce }, box.subarray(0, 15)),
  ).toBeUndefined()
})

test('a secretbox with a changed byte, key or nonce does not open', () => {
  const [key, nonce] = [randomBytes(32), randomBytes(24)]
  const box = sealSecretbox({ key, nonce }, message)
  expect(openSecretbox({ key, nonce }, box)).toEqual(message)
  expect(openSecretbox({ key: randomBytes(32), nonce }, box)).toBeUndefined()
  expect(openSecretbox({ key, nonce: randomBytes(24) }, box)).toBeUndefined()
  expect(openSecretbox({ key, nonce }, box.with(0, (box[0] ?? 0) ^ 1))).toBeUndefined()
})

test.each([
  ['a part missing at the end', (parts: Uint8Array[]) => parts.slice(0, 2)],
  ['a part missing at the start', (parts: Uint8Array[]) => parts.slice(1)],
  ['two parts exchanged', ([a, b, c]: Uint8Array[]) => [b, a, c]],
  ['a part twice', ([a, b, c]: Uint8Array[]) => [a, b, b, c]],
  ['something after the end', ([a, b, c]: Uint8Array[]) => [a, b, c, a]],
  ['nothing at all', () => []],
])('a stream with %s releases nothing', (_what, change) => {
  const key = randomBytes(32)
  const { header, chunks } = sealStream(key, [utf8('a'), utf8('b'), utf8('c')])
  expect(openStream(key, { header, chunks })).toHaveLength(3)
  const changed = change([...chunks]) as Uint8Array[]
  expect(openStream(key, { header, chunks: changed })).toBeUndefined()
})

test.each(['YQ=', 'YQ', 'YQ==\n', ' YQ==', 'YR==', 'Y-_=', 'YWJ=', '=', 'é==='])(
  'base64 %j is not taken',
  (text) => {
    expect(() => fromBase64(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  },
)

test('base64 goes both ways at any length and checks the length that is asked for', () => {
  for (const length of [0, 1, 2, 3, 32, 64, 100_000]) {
    const bytes = randomBytes(length)
    expect(fromBase64(toBase64(bytes), length)).toEqual(bytes)
  }
  expect(() => fromBase64('YQ==', 2)).toThrow('1 bytes')
})

test('text that is not UTF-8 is refused', () => {
  expect(() => fromUtf8(new Uint8Array([0xc3, 0x28]))).toThrow('UTF-8')
})

test('integers are written big-endian, and none that does not fit', () => {
  expect(uint32be(0x01020304)).toEqual(new Uint8Array([1, 2, 3, 4]))
  expect(uint64be(2n ** 64n - 1n)).toEqual(new Uint8Array(8).fill(255))
  const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' })
  for (const bad of [-1, 2 ** 32, 1.5]) expect(() => uint32be(bad)).toThrow(refused)
  for (const bad of [-1, 2 ** 53, 2n ** 64n]) expect(() => uint64be(bad)).toThrow(refused)
})

test('padding has few sizes, at most 12 % more, and comes off again', () => {
  for (const length of [0, 1, 2, 100, 1000, 12_345]) {
    const padded = pad(randomBytes(length))
    expect(padded.length).toBeLessThanOrEqual(Math.max(2, (length + 1) * 1.12))
    expect(unpad(padded)).toHaveLength(length)
  }
  expect(padmeLength(9)).toBe(10)
  expect(() => unpad(new Uint8Array(8))).toThrow(expect.objectContaining({ code: 'BAD_CONTENT' }))
  expect(() => unpad(utf8('no mark'))).toThrow(expect.objectContaining({ code: 'BAD_CONTENT' }))
})

test('hashes have 16 to 64 bytes and differ by key', () => {
  const key = new Uint8Array(32).fill(1)
  expect(blake2b(message, { length: 16 })).toHaveLength(16)
  expect(blake2b(message, { key })).not.toEqual(blake2b(message))
  expect(() => blake2b(message, { length: 65 })).toThrow('16 to 64')
  expect(() => blake2b(message, { key: new Uint8Array(3) })).toThrow('16 to 64')
})

test('a wrapped key opens under its own key-encryption key only', () => {
  const kek = randomBytes(32)
  const wrapped = wrapKey(kek, randomBytes(24), message)
  expect(unwrapKey(kek, wrapped)).toEqual(message)
  expect(() => unwrapKey(randomBytes(32), wrapped)).toThrow('KEY_ENCRYPTION_KEY')
})

test('ids carry their time, sort by it, and survive as text', () => {
  const ids = [1, 2 ** 32, 1_800_000_000_000].map((at) => newId(at, randomBytes))
  expect(ids.map(formatId)).toEqual(ids.map(formatId).toSorted())
  for (const id of ids) {
    expect(parseId(formatId(id))).toEqual(id)
    expect(formatId(id)).toMatch(/^.{8}-.{4}-7.{3}-[89ab]/)
  }
  expect(() => parseId('x')).toThrow('an id looks like')
})

test('comparing in constant time tells equal from different', () => {
  expect(constantTimeEqual(message, utf8('message'))).toBe(true)
  expect(constantTimeEqual(message, utf8('massage'))).toBe(false)
  expect(constantTimeEqual(message, utf8('messag'))).toBe(false)
})

test('a hundred thousand random nonces do not repeat', () => {
  const seen = new Set<string>()
  for (let i = 0; i < 100; i++) {
    const bytes = randomBytes(24_000)
    for (let at = 0; at < bytes.length; at += 24) {
      seen.add(String.fromCharCode(...bytes.subarray(at, at + 24)))
    }
  }
  expect(seen.size).toBe(100_000)
})
