import { concat, equal } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { randomBytes } from '@mailx/crypto/random'
import { expect, test } from 'vitest'
import { openAttachment, type SealedAttachment, sealAttachment } from './attachment.ts'
import { MAX_MESSAGE_BYTES, MAX_PART_BYTES } from './limits.ts'
import { type BlobAttachment, isInline } from './payload-attachment.ts'

const refusedWith = (code: string) => expect.objectContaining({ name: 'MailxError', code })
const seal = (size: number) => {
  const data = Uint8Array.from({ length: size }, (_, index) => index * 31)
  return { data, sealed: sealAttachment({ filename: 'f', contentType: 'a/b', data }, randomBytes) }
}

function blobOf({ attachment }: SealedAttachment): BlobAttachment {
  if (isInline(attachment)) throw new Error('expected an attachment in parts')
  return attachment
}

test('64 KiB travel inline, one byte more in parts', () => {
  const small = seal(65_536)
  expect(small.sealed).toMatchObject({ attachment: { size: 65_536, data: small.data }, parts: [] })
  const large = seal(65_537).sealed
  expect(blobOf(large)).toMatchObject({ size: 65_537, filename: 'f', contentType: 'a/b' })
  expect(large.parts).toHaveLength(1)
})

const sizes = [65_537, MAX_PART_BYTES - 17, MAX_PART_BYTES, 1_200_000]

test.each(sizes)('%i bytes come back as they were, in parts of 512 KiB at most', (size) => {
  const { data, sealed } = seal(size)
  expect(equal(openAttachment(blobOf(sealed), sealed.parts), data)).toBe(true)
  for (const part of sealed.parts) expect(part.length).toBeLessThanOrEqual(MAX_PART_BYTES)
})

test('the largest attachment fits, a larger one is refused', { timeout: 30_000 }, () => {
  const data = new Uint8Array(MAX_MESSAGE_BYTES)
  const file = { filename: 'f', contentType: 'a/b', data }
  expect(sealAttachment(file, randomBytes).parts.length).toBeLessThanOrEqual(64)
  const larger = { ...file, data: new Uint8Array(MAX_MESSAGE_BYTES + 1) }
  expect(() => sealAttachment(larger, randomBytes)).toThrow(refusedWith('TOO_LARGE'))
})

const total = (size: number) => seal(size).sealed.parts.reduce((sum, part) => sum + part.length, 0)

test('the sizes of the parts tell a bucket, not the size', () => {
  expect(new Set([100_000, 100_001, 100_100, 100_200].map(total)).size).toBe(1)
})

const { sealed } = seal(2_000_000)
const [one, two, three, four] = sealed.parts
if (!one || !two || !three || !four) throw new Error('the sample has four parts')
const other = seal(2_000_000).sealed
const otherPart = other.parts[1] ?? one

const damaged: [string, Uint8Array[]][] = [
  ['cut at the end', [one, two, three]],
  ['cut at the beginning', [two, three, four]],
  ['without its middle', [one, two, four]],
  ['in another order', [one, three, two, four]],
  ['with a part twice', [one, two, two, four]],
  ['with a part more', [one, two, three, four, four]],
  ['with a part of another file', [one, otherPart, three, four]],
  ['with a changed byte', [one, two.map((byte, at) => (at === 9 ? byte ^ 1 : byte)), three, four]],
  ['with its last part cut', [one, two, three, four.subarray(0, -1)]],
  ['with its last part grown', [one, two, three, concat(four, Uint8Array.of(0))]],
  ['that is empty', []],
]

test.each(damaged)('of a file %s nothing is released: its hashes tell', (_what, parts) => {
  expect(() => openAttachment(blobOf(sealed), parts)).toThrow(refusedWith('BAD_CONTENT'))
})

test.each(damaged)('of a file %s nothing is released, even if the hashes fit', (_what, parts) => {
  const partHashes = parts.map((part) => blake2b256(part))
  expect(() => openAttachment({ ...blobOf(sealed), partHashes }, parts)).toThrow(
    refusedWith('DECRYPTION_FAILED'),
  )
})

test('another key, header or size releases nothing', () => {
  const blob = blobOf(sealed)
  const open = (change: Partial<BlobAttachment>) =>
    openAttachment({ ...blob, ...change }, sealed.parts)
  expect(() => open({ key: randomBytes(32) })).toThrow(refusedWith('DECRYPTION_FAILED'))
  expect(() => open({ key: randomBytes(31) })).toThrow(refusedWith('DECRYPTION_FAILED'))
  expect(() => open({ header: randomBytes(24) })).toThrow(refusedWith('DECRYPTION_FAILED'))
  expect(() => open({ size: blob.size - 1 })).toThrow(refusedWith('BAD_CONTENT'))
})
