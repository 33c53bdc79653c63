import { parseAddress } from '@mailx/address/address'
import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { Envelope, type KeyPacket } from '@mailx/proto/envelope/v1/envelope'
import { MAX_ENVELOPE_BYTES, MAX_KEY_PACKETS } from './limits.ts'
import { readCanonical } from './read-canonical.ts'

export const ENVELOPE_VERSION = 1
export const SUITE_1 = 1

/**
 * The envelope, if these bytes are the only ones that say it. Decoding and encoding again must give
 * the same bytes, so unknown, repeated and reordered fields, longer varints and explicit zeros are
 * refused, and a hash over the bytes is a hash over the meaning. Nothing is said yet about keys and
 * signature. Throws TOO_LARGE, BAD_ENVELOPE or UNSUPPORTED_VERSION.
 */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length > MAX_ENVELOPE_BYTES) {
    throw new MailxError(
      'TOO_LARGE',
      `the envelope has ${bytes.length} bytes, the limit is ${MAX_ENVELOPE_BYTES}`,
    )
  }
  const canonicalOne = readCanonical(bytes)
  const envelope = canonicalOne ?? decode(bytes)
  // A newer envelope has fields that this version cannot write again: say so, not that it is broken.
  known(envelope.version, ENVELOPE_VERSION, 'version')
  known(envelope.suite, SUITE_1, 'suite')
  if (canonicalOne === undefined && !equal(Envelope.encode(envelope).finish(), bytes)) {
    throw refusal('is not encoded canonically')
  }
  checkFields(envelope)
  return envelope
}

function decode(bytes: Uint8Array): Envelope {
  try {
    return Envelope.decode(bytes)
  } catch (cause) {
    throw new MailxError('BAD_ENVELOPE', 'the envelope does not decode', { cause })
  }
}

function known(value: number, expected: number, field: string): void {
  if (value === expected) return
  if (value === 0) throw refusal(`names no ${field}`)
  throw new MailxError(
    'UNSUPPORTED_VERSION',
    `the envelope is of ${field} ${value}, which this software does not know; update it`,
  )
}

function checkFields(envelope: Envelope): void {
  length(envelope.messageId, 16, 'message_id')
  canonical(envelope.sender, 'sender')
  canonical(envelope.recipient, 'recipient')
  const createdAt = envelope.createdAtUnixMs
  if (createdAt < 1n || createdAt > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw refusal('has a created_at that is not a time')
  }
  length(envelope.contentHash, 32, 'content_hash')
  length(envelope.keyCommitment, 32, 'key_commitment')
  if (envelope.deviceListVersion < 1) throw refusal('names no device list version')
  const count = envelope.keyPackets.length
  if (count < 1 || count > MAX_KEY_PACKETS) {
    throw refusal(`has ${count} key packets, allowed are 1 to ${MAX_KEY_PACKETS}`)
  }
  envelope.keyPackets.forEach(checkKeyPacket)
  const tags = envelope.keyPackets.map(({ deviceTag }) => deviceTag)
  if (tags.some((tag, i) => tags.some((other, j) => j < i && equal(tag, other)))) {
    throw refusal('has two key packets for one device')
  }
  length(envelope.senderDeviceId, 16, 'sender_device_id')
  length(envelope.signature, 64, 'signature')
}

function checkKeyPacket(packet: KeyPacket): void {
  length(packet.deviceTag, 16, 'device_tag')
  length(packet.nonce, 24, 'nonce')
  length(packet.box, 48, 'box')
}

function length(bytes: Uint8Array, expected: number, field: string): void {
  if (bytes.length !== expected) throw refusal(`has a ${field} that is not ${expected} bytes`)
}

// The same people write to each other again and again.
const MAX_REMEMBERED = 10_000
const canonicalAddresses = new Set<string>()

function canonical(address: string, field: string): void {
  if (canonicalAddresses.has(address)) return
  let parsed: string
  try {
    parsed = parseAddress(address).canonical
  } catch (cause) {
    throw new MailxError('BAD_ENVELOPE', `the envelope has a ${field} that is no address`, {
      cause,
    })
  }
  if (parsed !== address) throw refusal(`has a ${field} that is not in canonical form`)
  if (canonicalAddresses.size >= MAX_REMEMBERED) canonicalAddresses.clear()
  canonicalAddresses.add(address)
}

const refusal = (what: string) => new MailxError('BAD_ENVELOPE', `the envelope ${what}`)
