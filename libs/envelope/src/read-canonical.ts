import type { Envelope, KeyPacket } from '@mailx/proto/envelope/v1/envelope'

// Tags of the fields: number and wire type. All fit one byte.
const VERSION = 8
const SUITE = 16
const MESSAGE_ID = 26
const SENDER = 34
const RECIPIENT = 42
const CREATED_AT = 48
const CONTENT_HASH = 58
const KEY_COMMITMENT = 66
const DEVICE_LIST_VERSION = 72
const KEY_PACKET = 82
const SENDER_DEVICE_ID = 90
const SIGNATURE = 98
const DEVICE_TAG = 10
const NONCE = 18
const BOX = 26

const MORE = 0x80

type Cursor = { readonly bytes: Uint8Array; at: number }

/**
 * The envelope in bytes that hold every field once, in order and in its shortest form, with text in
 * ASCII: so encoding it again gives the same bytes, and nobody has to. Undefined for all other
 * bytes; whether they are an envelope after all is for the ordinary way to tell.
 */
export function readCanonical(bytes: Uint8Array): Envelope | undefined {
  const from: Cursor = { bytes, at: 0 }
  const version = numberAfter(from, VERSION)
  const suite = numberAfter(from, SUITE)
  const messageId = bytesAfter(from, MESSAGE_ID)
  const sender = asciiOf(bytesAfter(from, SENDER))
  const recipient = asciiOf(bytesAfter(from, RECIPIENT))
  const createdAt = numberAfter(from, CREATED_AT)
  const contentHash = bytesAfter(from, CONTENT_HASH)
  const keyCommitment = bytesAfter(from, KEY_COMMITMENT)
  const deviceListVersion = numberAfter(from, DEVICE_LIST_VERSION)
  const keyPackets: KeyPacket[] = []
  while (from.bytes[from.at] === KEY_PACKET) {
    const packet = packetIn(bytesAfter(from, KEY_PACKET))
    if (packet === undefined) return undefined
    keyPackets.push(packet)
  }
  const senderDeviceId = bytesAfter(from, SENDER_DEVICE_ID)
  const signature = bytesAfter(from, SIGNATURE)
  if (
    from.at !== bytes.length ||
    version === undefined ||
    version > MAX_UINT32 ||
    suite === undefined ||
    suite > MAX_UINT32 ||
    messageId === undefined ||
    sender === undefined ||
    recipient === undefined ||
    createdAt === undefined ||
    contentHash === undefined ||
    keyCommitment === undefined ||
    deviceListVersion === undefined ||
    deviceListVersion > MAX_UINT32 ||
    senderDeviceId === undefined ||
    signature === undefined
  ) {
    return undefined
  }
  return {
    version,
    suite,
    messageId,
    sender,
    recipient,
    createdAtUnixMs: BigInt(createdAt),
    contentHash,
    keyCommitment,
    deviceListVersion,
    keyPackets,
    senderDeviceId,
    signature,
  }
}

function packetIn(bytes: Uint8Array | undefined): KeyPacket | undefined {
  if (bytes === undefined) return undefined
  const from: Cursor = { bytes, at: 0 }
  const deviceTag = bytesAfter(from, DEVICE_TAG)
  const nonce = bytesAfter(from, NONCE)
  const box = bytesAfter(from, BOX)
  const whole = from.at === bytes.length
  if (!whole || deviceTag === undefined || nonce === undefined || box === undefined) {
    return undefined
  }
  return { deviceTag, nonce, box }
}

const MAX_UINT32 = 0xffff_ffff
/** Seven bytes of seven bits hold 2^49 - 1: times for many thousand years. */
const MAX_VARINT_BYTES = 7

/** A field's number above zero, in as few bytes as it needs. */
function numberAfter(from: Cursor, tag: number): number | undefined {
  return from.bytes[from.at++] === tag ? varint(from) : undefined
}

function varint(from: Cursor): number | undefined {
  const { bytes } = from
  let value = 0
  let unit = 1
  for (let count = 1; count <= MAX_VARINT_BYTES; count += 1) {
    const byte = bytes[from.at++]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * unit
    // A last byte of zero adds nothing: the number was zero, or fewer bytes would have held it.
    if (byte < MORE) return byte === 0 ? undefined : value
    unit *= 128
  }
  return undefined
}

/** A field's bytes, which are some. */
function bytesAfter(from: Cursor, tag: number): Uint8Array | undefined {
  const length = numberAfter(from, tag)
  if (length === undefined || from.at + length > from.bytes.length) return undefined
  const start = from.at
  from.at += length
  return from.bytes.subarray(start, from.at)
}

function asciiOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined
  let text = ''
  for (const byte of bytes) {
    if (byte >= MORE) return undefined
    text += String.fromCharCode(byte)
  }
  return text
}
