/** How a field's value is written: text as UTF-8, bytes as they are, uint as 8 bytes big-endian, list as a nested sequence of records. */
export type FieldKind = 'text' | 'bytes' | 'uint' | readonly ListField[]
type ListField = readonly [name: string, kind: 'text' | 'bytes' | 'uint']
type Field = readonly [name: string, kind: FieldKind]

const device = [
  ['id', 'bytes'],
  ['name', 'text'],
  ['signingKey', 'bytes'],
  ['encryptionKey', 'bytes'],
  ['addedAt', 'uint'],
  ['mailbox', 'uint'],
] as const satisfies readonly ListField[]

const keyPacket = [
  ['deviceTag', 'bytes'],
  ['nonce', 'bytes'],
  ['box', 'bytes'],
] as const satisfies readonly ListField[]

/** Every purpose of a signature, with its fields in their order. Fixed for ever: add, never change. */
export const purposes = {
  'domain-document': [
    ['domain', 'text'],
    ['serial', 'uint'],
    ['validUntil', 'uint'],
    ['document', 'bytes'],
  ],
  'operational-key': [
    ['domain', 'text'],
    ['kid', 'text'],
    ['use', 'text'],
    ['publicKey', 'bytes'],
    ['notBefore', 'uint'],
    ['notAfter', 'uint'],
  ],
  attestation: [
    ['username', 'text'],
    ['domain', 'text'],
    ['publicKey', 'bytes'],
    ['createdAt', 'uint'],
    ['expiresAt', 'uint'],
    ['status', 'text'],
    ['deviceListVersion', 'uint'],
    ['deviceListHash', 'bytes'],
  ],
  possession: [
    ['address', 'text'],
    ['publicKey', 'bytes'],
    ['deviceListHash', 'bytes'],
    ['at', 'uint'],
  ],
  'device-list': [
    ['address', 'text'],
    ['version', 'uint'],
    ['previousHash', 'bytes'],
    ['devices', device],
  ],
  'key-rotation': [
    ['address', 'text'],
    ['oldKey', 'bytes'],
    ['newKey', 'bytes'],
    ['at', 'uint'],
  ],
  'key-revocation': [
    ['address', 'text'],
    ['key', 'bytes'],
    ['kind', 'text'],
    ['at', 'uint'],
  ],
  message: [
    ['version', 'uint'],
    ['suite', 'uint'],
    ['messageId', 'bytes'],
    ['sender', 'text'],
    ['recipient', 'text'],
    ['createdAt', 'uint'],
    ['contentHash', 'bytes'],
    ['keyCommitment', 'bytes'],
    ['deviceListVersion', 'uint'],
    ['keyPackets', keyPacket],
    ['senderDeviceId', 'bytes'],
  ],
  'delivery-batch': [
    ['origin', 'text'],
    ['destination', 'text'],
    ['root', 'bytes'],
    ['count', 'uint'],
    ['createdAt', 'uint'],
  ],
  'delivery-receipt': [
    ['origin', 'text'],
    ['destination', 'text'],
    ['root', 'bytes'],
    ['count', 'uint'],
    ['signedAt', 'uint'],
  ],
  'peer-challenge': [
    ['role', 'text'],
    ['from', 'text'],
    ['to', 'text'],
    ['fromNonce', 'bytes'],
    ['toNonce', 'bytes'],
    ['exporter', 'bytes'],
    ['version', 'uint'],
  ],
  'session-challenge': [
    ['address', 'text'],
    ['deviceId', 'bytes'],
    ['nonce', 'bytes'],
    ['expiresAt', 'uint'],
  ],
  'contact-request': [
    ['from', 'text'],
    ['to', 'text'],
    ['text', 'text'],
    ['at', 'uint'],
  ],
  'contact-grant': [
    ['from', 'text'],
    ['to', 'text'],
    ['capability', 'bytes'],
    ['expiresAt', 'uint'],
  ],
  'tree-head': [
    ['origin', 'text'],
    ['size', 'uint'],
    ['root', 'bytes'],
    ['at', 'uint'],
  ],
  'abuse-report': [
    ['reporter', 'text'],
    ['messageId', 'bytes'],
    ['envelopeHash', 'bytes'],
    ['at', 'uint'],
  ],
} as const satisfies Record<string, readonly Field[]>

export type Purpose = keyof typeof purposes

export const purposeNames = Object.keys(purposes) as readonly Purpose[]

type ValueOf<Kind> = Kind extends 'text'
  ? string
  : Kind extends 'bytes'
    ? Uint8Array
    : Kind extends 'uint'
      ? number | bigint
      : Kind extends readonly ListField[]
        ? readonly { readonly [F in Kind[number] as F[0]]: ValueOf<F[1]> }[]
        : never

/** The record that a purpose's statement is built from. */
export type StatementOf<P extends Purpose> = {
  readonly [F in (typeof purposes)[P][number] as F[0]]: ValueOf<F[1]>
}
