import { BinaryWriter } from '@bufbuild/protobuf/wire'

/** A generated message that can be written behind others. */
export type Encodable<T> = {
  encode(message: T, writer?: BinaryWriter): { finish(): Uint8Array }
}

/** Above this the writer's memory is given back. */
const MAX_KEPT_BYTES = 64 * 1024

let kept: BinaryWriter | undefined = new BinaryWriter()

/**
 * The bytes of a message. A writer keeps the memory that it has grown to, so one for all messages
 * saves each of them the growing.
 */
export function encodeMessage<T>(codec: Encodable<T>, message: T): Uint8Array {
  const writer = kept ?? new BinaryWriter()
  // A message that cannot be encoded leaves half of itself in the writer.
  kept = undefined
  const bytes = codec.encode(message, writer).finish()
  if (bytes.length <= MAX_KEPT_BYTES) kept = writer
  return bytes
}
