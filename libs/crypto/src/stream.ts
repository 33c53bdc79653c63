import { sodium } from '#sodium'
import { checkLength } from './check-length.ts'

export const STREAM_KEY_BYTES = 32
export const STREAM_HEADER_BYTES = 24
/** What each chunk grows by. */
export const STREAM_CHUNK_OVERHEAD = 17

export type SealedStream = {
  readonly header: Uint8Array
  readonly chunks: readonly Uint8Array[]
}

/**
 * crypto_secretstream_xchacha20poly1305 over the chunks, the last one marked as final. At least one
 * chunk. Throws BAD_KEY on a key that is not 32 bytes.
 */
export function sealStream(key: Uint8Array, chunks: readonly Uint8Array[]): SealedStream {
  checkLength(key, STREAM_KEY_BYTES, 'a stream key')
  const { header, push } = sodium.streamPush(key)
  const last = chunks.length - 1
  return { header, chunks: chunks.map((chunk, index) => push(chunk, index === last)) }
}

/** All chunks, or undefined when one is missing, changed, moved, added, or the end is not the end. */
export function openStream(
  key: Uint8Array,
  { header, chunks }: SealedStream,
): Uint8Array[] | undefined {
  if (key.length !== STREAM_KEY_BYTES || header.length !== STREAM_HEADER_BYTES) return undefined
  const { pull } = sodium.streamPull(header, key)
  const opened: Uint8Array[] = []
  for (const [index, chunk] of chunks.entries()) {
    if (chunk.length < STREAM_CHUNK_OVERHEAD) return undefined
    const result = pull(chunk)
    if (!result || result.final !== (index === chunks.length - 1)) return undefined
    opened.push(result.message)
  }
  return opened.length > 0 ? opened : undefined
}
