import { describe, expect, test } from 'vitest'
import blake2bVectors from '../vectors/blake2b.json' with { type: 'json' }
import ed25519 from '../vectors/ed25519.json' with { type: 'json' }
import edgeCases from '../vectors/ed25519-edge-cases.json' with { type: 'json' }
import nacl from '../vectors/nacl.json' with { type: 'json' }
import weak from '../vectors/weak-points.json' with { type: 'json' }
import x25519Vectors from '../vectors/x25519.json' with { type: 'json' }
import { fromHex, toHex, utf8 } from './encoding.ts'
import { sodium as native } from './sodium-native.ts'
import { sodium as wasm } from './sodium-wasm.ts'

describe.each([
  ['native', native],
  ['wasm', wasm],
])('the %s backend', (_name, sodium) => {
  test.each(ed25519.cases)(`signs and verifies (${ed25519.source})`, (vector) => {
    const { publicKey, secretKey } = sodium.signSeedKeyPair(fromHex(vector.seed))
    const message = fromHex(vector.message)
    const signature = sodium.signDetached(message, secretKey)
    expect(toHex(publicKey)).toBe(vector.publicKey)
    expect(toHex(signature)).toBe(vector.signature)
    expect(sodium.signVerifyDetached(signature, message, publicKey)).toBe(true)
    expect(sodium.signVerifyDetached(signature, utf8('another'), publicKey)).toBe(false)
  })

  test.each(x25519Vectors.cases)(`agrees on a secret (${x25519Vectors.source})`, (vector) => {
    const shared = sodium.scalarmult(fromHex(vector.secretKey), fromHex(vector.publicKey))
    expect(shared && toHex(shared)).toBe(vector.shared)
  })

  test(`iterates X25519 (${x25519Vectors.source})`, () => {
    let k = fromHex('0900000000000000000000000000000000000000000000000000000000000000')
    let u = k
    let first = k
    for (let round = 1; round <= 1000; round++) {
      const next = sodium.scalarmult(k, u)
      if (next === undefined) throw new Error(`no secret in round ${round}`)
      u = k
      k = next
      if (round === 1) first = k
    }
    expect(toHex(first)).toBe(x25519Vectors.iterated['1'])
    expect(toHex(k)).toBe(x25519Vectors.iterated['1000'])
  })

  test.each(blake2bVectors.cases)(`hashes (${blake2bVectors.source})`, (vector) => {
    const hash = sodium.generichash(vector.length, fromHex(vector.message), undefined)
    expect(toHex(hash)).toBe(vector.hash)
  })

  test(`seals and opens the box and the secretbox of ${nacl.source}`, () => {
    const [message, nonce, key] = [nacl.message, nacl.nonce, nacl.firstKey].map(fromHex)
    if (!message || !nonce || !key) throw new Error('a vector is missing')
    expect(toHex(sodium.secretboxEasy(message, nonce, key))).toBe(nacl.box)
    const box = sodium.boxEasy(
      message,
      nonce,
      fromHex(nacl.bobPublicKey),
      fromHex(nacl.aliceSecretKey),
    )
    expect(box && toHex(box)).toBe(nacl.box)
    const opened = sodium.boxOpenEasy(
      fromHex(nacl.box),
      nonce,
      fromHex(nacl.alicePublicKey),
      fromHex(nacl.bobSecretKey),
    )
    expect(opened && toHex(opened)).toBe(nacl.message)
    const forged = fromHex(nacl.box)
    forged[40] = (forged[40] ?? 0) ^ 1
    expect(sodium.secretboxOpenEasy(forged, nonce, key)).toBeUndefined()
  })

  test.each(edgeCases.cases)(
    'takes a signature with $what: $valid (edge cases of libsodium)',
    ({ publicKey, message, signature, valid }) => {
      const [bytes, over, key] = [fromHex(signature), fromHex(message), fromHex(publicKey)]
      expect(sodium.signVerifyDetached(bytes, over, key)).toBe(valid)
    },
  )

  test.each(weak.ed25519SmallOrder)('refuses a signature under the small-order key %s', (point) => {
    // R is the identity and S is zero: a verifier that takes such keys accepts it for any message.
    const signature = new Uint8Array(64)
    signature[0] = 1
    const key = fromHex(point)
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
      expect(sodium.signVerifyDetached(signature, utf8(text), key)).toBe(false)
    }
  })

  test.each(weak.ed25519NonCanonical)('refuses the non-canonical key %s', (point) => {
    const signature = new Uint8Array(64)
    signature[0] = 1
    expect(sodium.signVerifyDetached(signature, utf8('a'), fromHex(point))).toBe(false)
  })

  test.each([...weak.ed25519SmallOrder, ...weak.ed25519NonCanonical])(
    'refuses the commitment R = %s',
    (point) => {
      const { publicKey, secretKey } = sodium.signSeedKeyPair(new Uint8Array(32).fill(3))
      const signature = sodium.signDetached(utf8('a'), secretKey)
      signature.set(fromHex(point))
      expect(sodium.signVerifyDetached(signature, utf8('a'), publicKey)).toBe(false)
    },
  )

  test('refuses a malleated signature: S plus the group order', () => {
    const { publicKey, secretKey } = sodium.signSeedKeyPair(new Uint8Array(32).fill(3))
    const signature = sodium.signDetached(utf8('a'), secretKey)
    const order = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')
    let carry = 0
    order.forEach((byte, index) => {
      const sum = (signature[32 + index] ?? 0) + byte + carry
      signature[32 + index] = sum & 0xff
      carry = sum >> 8
    })
    expect(sodium.signVerifyDetached(signature, utf8('a'), publicKey)).toBe(false)
  })

  test.each(weak.x25519LowOrder)('agrees on nothing with the low-order point %s', (point) => {
    const shared = sodium.scalarmult(new Uint8Array(32).fill(5), fromHex(point))
    expect(shared?.some((byte) => byte !== 0) ?? false).toBe(false)
  })

  test('takes what is empty and memory that threads share as any other bytes', () => {
    const [key, nonce, empty] = [new Uint8Array(32), new Uint8Array(24), new Uint8Array(0)]
    expect(sodium.secretboxOpenEasy(sodium.secretboxEasy(empty, nonce, key), nonce, key)).toEqual(
      empty,
    )
    expect(toHex(sodium.sha256(empty))).toMatch(/^e3b0c442/)
    expect(sodium.memcmp(empty, empty)).toBe(true)
    const { header, push } = sodium.streamPush(key)
    const opened = sodium.streamPull(header, key).pull(push(empty, true))
    expect(opened).toEqual({ message: empty, final: true })
    const shared = new Uint8Array(new SharedArrayBuffer(64)).fill(5)
    const own = Uint8Array.from(shared)
    expect(sodium.sha256(shared)).toEqual(sodium.sha256(own))
    const seeded = sodium.signSeedKeyPair(key)
    const signature = sodium.signDetached(shared, seeded.secretKey)
    expect(sodium.signVerifyDetached(signature, own, seeded.publicKey)).toBe(true)
  })

  test('returns bytes in memory of their own', () => {
    const key = new Uint8Array(32).fill(1)
    const results = [sodium.randomBytes(8), sodium.sha256(key), sodium.scalarmultBase(key)]
    for (const bytes of results) {
      expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype)
      expect(bytes.buffer.byteLength).toBe(bytes.length)
    }
  })

  test('opens a stream only whole, in order and to its end', () => {
    const key = new Uint8Array(32).fill(9)
    const { header, push } = sodium.streamPush(key)
    const [first, last] = [push(utf8('one'), false), push(utf8('two'), true)]
    const straight = sodium.streamPull(header, key)
    expect(straight.pull(first)).toEqual({ message: utf8('one'), final: false })
    expect(straight.pull(last)).toEqual({ message: utf8('two'), final: true })
    expect(sodium.streamPull(header, key).pull(last)).toBeUndefined()
  })
})

test('both backends derive the same key from a passphrase', async () => {
  const args = [32, utf8('correct horse'), new Uint8Array(16).fill(1), 2, 8 * 1024 * 1024] as const
  expect(await native.pwhashArgon2id(...args)).toEqual(await wasm.pwhashArgon2id(...args))
})

test('what one backend seals the other opens', () => {
  const [key, nonce] = [new Uint8Array(32).fill(1), new Uint8Array(24).fill(2)]
  const box = native.secretboxEasy(utf8('hello'), nonce, key)
  expect(wasm.secretboxOpenEasy(box, nonce, key)).toEqual(utf8('hello'))
  const { header, push } = wasm.streamPush(key)
  expect(native.streamPull(header, key).pull(push(utf8('x'), true))).toEqual({
    message: utf8('x'),
    final: true,
  })
})
