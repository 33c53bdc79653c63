import { concat, equal } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { pad, unpad } from '@mailx/crypto/padding'
import { openStream, STREAM_CHUNK_OVERHEAD, sealStream } from '@mailx/crypto/stream'
import { MailxError } from '@mailx/errors/mailx-error'
import { MAX_INLINE_ATTACHMENT_BYTES, MAX_MESSAGE_BYTES, MAX_PART_BYTES } from './limits.ts'
import type { Attachment, BlobAttachment } from './payload-attachment.ts'

export type File = {
  readonly filename: string
  readonly contentType: string
  readonly data: Uint8Array
}

export type SealedAttachment = {
  /** Goes into the payload. */
  readonly attachment: Attachment
  /** To be uploaded before the message is submitted; none where the attachment is inline. */
  readonly parts: readonly Uint8Array[]
}

const CHUNK_BYTES = MAX_PART_BYTES - STREAM_CHUNK_OVERHEAD

/** Inline up to 64 KiB, above that sealed in parts. Throws TOO_LARGE beyond 25 MiB. */
export function sealAttachment(
  file: File,
  random: (length: number) => Uint8Array,
): SealedAttachment {
  const size = file.data.length
  if (size > MAX_INLINE_ATTACHMENT_BYTES) return sealParts(file, random(32))
  return { attachment: { ...file, size }, parts: [] }
}

/**
 * The file, padded as the content is, in chunks of 512 KiB less 17 bytes, as one
 * crypto_secretstream_xchacha20poly1305 whose last chunk carries the final tag.
 */
function sealParts({ data, ...described }: File, key: Uint8Array): SealedAttachment {
  if (data.length > MAX_MESSAGE_BYTES) {
    throw new MailxError(
      'TOO_LARGE',
      `${described.filename} has ${data.length} bytes, the limit is ${MAX_MESSAGE_BYTES}`,
    )
  }
  const { header, chunks: parts } = sealStream(key, inChunks(pad(data)))
  const partHashes = parts.map((part) => blake2b256(part))
  return { attachment: { ...described, size: data.length, key, header, partHashes }, parts }
}

/**
 * The file's bytes from its parts in order. Nothing is released unless every part is there, unchanged,
 * in its place, and the last one says that it is the last. Throws BAD_CONTENT or DECRYPTION_FAILED.
 */
export function openAttachment(
  attachment: BlobAttachment,
  parts: readonly Uint8Array[],
): Uint8Array {
  const { filename, partHashes, key, header, size } = attachment
  if (parts.length !== partHashes.length) {
    throw new MailxError(
      'BAD_CONTENT',
      `${filename} has ${partHashes.length} parts, ${parts.length} were given`,
    )
  }
  partHashes.forEach((hash, index) => {
    const part = parts[index]
    const fits = part !== undefined && part.length <= MAX_PART_BYTES
    if (!fits || !equal(blake2b256(part), hash)) {
      throw new MailxError('BAD_CONTENT', `part ${index + 1} of ${filename} is not the one sent`)
    }
  })
  const chunks = openStream(key, { header, chunks: parts })
  if (chunks === undefined) {
    throw new MailxError('DECRYPTION_FAILED', `${filename} does not open as one whole file`)
  }
  const data = unpad(concat(...chunks))
  if (data.length !== size) {
    throw new MailxError('BAD_CONTENT', `${filename} is not as long as the message says`)
  }
  return data
}

function inChunks(bytes: Uint8Array): Uint8Array[] {
  const count = Math.ceil(bytes.length / CHUNK_BYTES)
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
  )
}
