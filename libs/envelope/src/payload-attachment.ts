import { toBase64 } from '@mailx/crypto/encoding'
import { isJsonObject, type JsonObject, type JsonValue } from '@mailx/json/json-value'
import { MAX_INLINE_ATTACHMENT_BYTES, MAX_MESSAGE_BYTES } from './limits.ts'
import { bytes, contentType, count, line, list, refusal } from './payload-fields.ts'

export type InlineAttachment = {
  readonly filename: string
  readonly contentType: string
  readonly size: number
  readonly data: Uint8Array
}

/** An attachment that travels as blobs: see attachment.ts for how its parts are sealed. */
export type BlobAttachment = {
  readonly filename: string
  readonly contentType: string
  /** Of the file, without padding. */
  readonly size: number
  readonly key: Uint8Array
  readonly header: Uint8Array
  /** BLAKE2b-256 of each sealed part, in order. */
  readonly partHashes: readonly Uint8Array[]
}

export type Attachment = InlineAttachment | BlobAttachment

export const isInline = (attachment: Attachment): attachment is InlineAttachment =>
  'data' in attachment

/** More parts than 25 MiB can have. */
const MAX_PARTS = 64

export const encodeAttachment = (attachment: Attachment): JsonObject => ({
  filename: attachment.filename,
  contentType: attachment.contentType,
  size: attachment.size,
  ...(isInline(attachment)
    ? { data: toBase64(attachment.data) }
    : {
        key: toBase64(attachment.key),
        header: toBase64(attachment.header),
        partHashes: attachment.partHashes.map((hash) => toBase64(hash)),
      }),
})

/** Throws BAD_CONTENT. */
export function decodeAttachment(value: JsonValue): Attachment {
  if (!isJsonObject(value)) throw refusal('attachments', 'holds something that is no object')
  const described = {
    filename: filename(value['filename']),
    contentType: contentType(value['contentType'], 'attachments.contentType'),
  }
  return value['data'] === undefined
    ? { ...described, ...decodeBlob(value) }
    : { ...described, ...decodeInline(value) }
}

function decodeInline(value: JsonObject): Pick<InlineAttachment, 'size' | 'data'> {
  if (value['key'] !== undefined || value['partHashes'] !== undefined) {
    throw refusal('attachments', 'holds one that is both inline and in parts')
  }
  const size = count(value['size'], 'attachments.size', MAX_INLINE_ATTACHMENT_BYTES)
  const data = bytes(value['data'], 'attachments.data')
  if (data.length !== size) throw refusal('attachments.size', 'is not the size of the data')
  return { size, data }
}

function decodeBlob(
  value: JsonObject,
): Pick<BlobAttachment, 'size' | 'key' | 'header' | 'partHashes'> {
  const partHashes = list(value['partHashes'], 'attachments.partHashes', MAX_PARTS)
  if (partHashes.length === 0) throw refusal('attachments.partHashes', 'is empty')
  return {
    size: count(value['size'], 'attachments.size', MAX_MESSAGE_BYTES),
    key: bytes(value['key'], 'attachments.key', 32),
    header: bytes(value['header'], 'attachments.header', 24),
    partHashes: partHashes.map((hash) => bytes(hash, 'attachments.partHashes', 32)),
  }
}

/** A name that is safe to create in a directory of the reader's choice. */
function filename(value: JsonValue | undefined): string {
  const name = line(value, 'attachments.filename', 255)
  if (name === '' || name === '.' || name === '..' || /[/\\]/.test(name)) {
    throw refusal('attachments.filename', 'is not the name of a file')
  }
  return name
}
