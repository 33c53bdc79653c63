/*
 * Makes what the key commitment is there against: one nonce and one ciphertext that two keys open,
 * each to another text ("invisible salamanders"; Grubbs, Lu and Ristenpart, CRYPTO 2017). For tests.
 *
 * Poly1305 is a polynomial in a secret point r, plus a secret s. For a tag and two keys, that is two
 * linear equations over the ciphertext's blocks. All blocks but two are free; the two are solved for,
 * again and again with other sums, until both are numbers of 128 bits.
 */
import { concat } from '@mailx/crypto/encoding'

const P = 2n ** 130n - 5n
const TWO_128 = 2n ** 128n
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn

/** A secretbox (tag and ciphertext) of `blocks` times 16 bytes that opens under both keys. */
export function twoKeyBox(
  keys: readonly [Uint8Array, Uint8Array],
  nonce: Uint8Array,
  blocks: number,
): Uint8Array {
  const [one, two] = keys.map((key) => oneTimeKey(key, nonce))
  if (!one || !two) throw new Error('two keys are needed')
  for (let tag = 1n; ; tag += 1n) {
    const fixed = Array.from({ length: blocks - 2 }, (_, index) => tag * 7919n + BigInt(index))
    const pair = solve(one, two, { tag, fixed })
    if (pair) return concat(toBytes(tag), ...[...fixed, ...pair].map(toBytes))
  }
}

type OneTimeKey = { readonly r: bigint; readonly s: bigint }

/** The first 32 bytes of the XSalsa20 stream, as Poly1305 takes them. */
function oneTimeKey(key: Uint8Array, nonce: Uint8Array): OneTimeKey {
  const subkey = hsalsa20(key, nonce.subarray(0, 16))
  const counter = new Uint8Array(16)
  counter.set(nonce.subarray(16))
  const stream = salsa20Block(subkey, counter)
  return {
    r: toNumber(stream.subarray(0, 16)) & CLAMP,
    s: toNumber(stream.subarray(16, 32)),
  }
}

function solve(
  one: OneTimeKey,
  two: OneTimeKey,
  { tag, fixed }: { readonly tag: bigint; readonly fixed: readonly bigint[] },
): [bigint, bigint] | undefined {
  const missing = ({ r, s }: OneTimeKey, carry: bigint) => {
    const begun = fixed.reduce((sum, block) => mod((sum + block + TWO_128) * r), 0n)
    const total = mod(tag - s, TWO_128) + carry * TWO_128
    return mod(total - begun * r * r)
  }
  const inverse = power(mod(one.r * one.r * two.r - two.r * two.r * one.r), P - 2n)
  for (let carries = 0n; carries < 16n; carries += 1n) {
    const a = missing(one, carries / 4n)
    const b = missing(two, carries % 4n)
    // x·r² + y·r = missing, for both keys.
    const x = mod((a * two.r - b * one.r) * inverse) - TWO_128
    const y = mod((one.r * one.r * b - two.r * two.r * a) * inverse) - TWO_128
    if (x >= 0n && x < TWO_128 && y >= 0n && y < TWO_128) return [x, y]
  }
  return undefined
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let factor = mod(base)
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * factor)
    factor = mod(factor * factor)
  }
  return result
}

const mod = (value: bigint, modulus = P): bigint => ((value % modulus) + modulus) % modulus

const toNumber = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n)

const toBytes = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 16 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn))

const SIGMA = new TextEncoder().encode('expand 32-byte k')

const hsalsa20 = (key: Uint8Array, input: Uint8Array): Uint8Array => {
  const state = rounds(initial(key, input))
  return words([0, 5, 10, 15, 6, 7, 8, 9].map((index) => state[index] ?? 0))
}

const salsa20Block = (key: Uint8Array, input: Uint8Array): Uint8Array => {
  const start = initial(key, input)
  return words(rounds(start).map((word, index) => word + (start[index] ?? 0)))
}

const wordOf = (bytes: Uint8Array, index: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(4 * index, true)

function initial(key: Uint8Array, input: Uint8Array): Uint32Array {
  const order = [
    [SIGMA, 0],
    ...[0, 1, 2, 3].map((index) => [key, index] as const),
    [SIGMA, 1],
    ...[0, 1, 2, 3].map((index) => [input, index] as const),
    [SIGMA, 2],
    ...[4, 5, 6, 7].map((index) => [key, index] as const),
    [SIGMA, 3],
  ] as const
  return Uint32Array.from(order, ([bytes, index]) => wordOf(bytes, index))
}

/** Twenty rounds of Salsa20. */
function rounds(start: Uint32Array): Uint32Array {
  const state = Uint32Array.from(start)
  const at = (index: number) => state[index] ?? 0
  const mix = (target: number, a: number, b: number, shift: number) => {
    const sum = (at(a) + at(b)) >>> 0
    state[target] = at(target) ^ ((sum << shift) | (sum >>> (32 - shift)))
  }
  const quarter = (a: number, b: number, c: number, d: number) => {
    mix(b, a, d, 7)
    mix(c, b, a, 9)
    mix(d, c, b, 13)
    mix(a, d, c, 18)
  }
  for (let round = 0; round < 10; round += 1) {
    quarter(0, 4, 8, 12)
    quarter(5, 9, 13, 1)
    quarter(10, 14, 2, 6)
    quarter(15, 3, 7, 11)
    quarter(0, 1, 2, 3)
    quarter(5, 6, 7, 4)
    quarter(10, 11, 8, 9)
    quarter(15, 12, 13, 14)
  }
  return state
}

function words(values: Iterable<number>): Uint8Array {
  const list = Uint32Array.from(values)
  const bytes = new Uint8Array(4 * list.length)
  list.forEach((word, index) => new DataView(bytes.buffer).setUint32(4 * index, word, true))
  return bytes
}
