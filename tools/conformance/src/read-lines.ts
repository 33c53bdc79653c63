/** A line of the input without its line feed. Of one longer than the limit only the start is kept. */
export type Line =
  | { readonly status: 'whole'; readonly bytes: Uint8Array }
  | { readonly status: 'too long'; readonly start: Uint8Array }

const KEPT_START_BYTES = 256

/**
 * Splits a byte stream into lines and keeps no more than one line in memory. Of a line longer than
 * `maxBytes` the rest is skipped as it arrives. The last line may lack its line feed.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Line> {
  let parts: Uint8Array[] = []
  let length = 0
  const add = (part: Uint8Array) => {
    if (length <= maxBytes) parts.push(part)
    length += part.length
  }
  const finish = (): Line => {
    const whole = length <= maxBytes
    const bytes = join(parts, whole ? length : KEPT_START_BYTES)
    parts = []
    length = 0
    return whole ? { status: 'whole', bytes } : { status: 'too long', start: bytes }
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      add(chunk.subarray(start, end))
      yield finish()
      start = end + 1
    }
    if (start < chunk.length) add(chunk.subarray(start))
  }
  if (length > 0) yield finish()
}

/** The first `length` bytes of the parts. */
function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const line = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    line.set(part.subarray(0, length - at), at)
    at += part.length
    if (at >= length) break
  }
  return line
}
