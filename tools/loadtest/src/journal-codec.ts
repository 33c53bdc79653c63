/**
 * A journal is a sequence of groups, each written at once: u32 length, u32 CRC-32, then that many bytes
 * of records. A record is one byte for its kind and fixed fields, all little-endian. A group that was
 * cut off, or that is not what its checksum says, ends the journal: nothing behind it is believed.
 */
import { crc32 } from 'node:zlib'
import { MailxError } from '@mailx/errors/mailx-error'
import { type JournalRecord, RunHeader } from './journal-record.ts'

const GROUP_HEADER = 8
const ID_BYTES = 16
const kinds = [
  '',
  'start',
  'mailbox',
  'sent',
  'resent',
  'accepted',
  'refused',
  'notified',
  'end',
] as const
const kindByte = new Map<string, number>(kinds.map((kind, index) => [kind, index]))

/** The records as one group. */
export function encodeGroup(records: readonly JournalRecord[]): Buffer {
  const parts = records.map(encodeRecord)
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const header = Buffer.alloc(GROUP_HEADER)
  const group = Buffer.concat([header, ...parts], GROUP_HEADER + length)
  group.writeUInt32LE(length, 0)
  group.writeUInt32LE(crc32(group.subarray(GROUP_HEADER)), 4)
  return group
}

export type DecodedJournal = {
  readonly records: readonly JournalRecord[]
  /** What was left at the end: a group that was cut off or damaged. */
  readonly tornBytes: number
}

/** Throws INVALID_ARGUMENT when it is no journal, or one of a later version. */
export function decodeJournal(bytes: Buffer): DecodedJournal {
  const records: JournalRecord[] = []
  let at = 0
  while (at + GROUP_HEADER <= bytes.length) {
    const end = at + GROUP_HEADER + bytes.readUInt32LE(at)
    const group = bytes.subarray(at + GROUP_HEADER, end)
    if (group.length === 0 || end > bytes.length) break
    if (crc32(group) !== bytes.readUInt32LE(at + 4)) break
    decodeGroup(group, records)
    at = end
  }
  if (records[0]?.kind !== 'start') {
    throw new MailxError('INVALID_ARGUMENT', 'this is no journal of a load test')
  }
  return { records, tornBytes: bytes.length - at }
}

function encodeRecord(record: JournalRecord): Buffer {
  const kind = kindByte.get(record.kind) ?? 0
  switch (record.kind) {
    case 'start': {
      const text = Buffer.from(JSON.stringify(record.run))
      const head = Buffer.alloc(5)
      head.writeUInt8(kind)
      head.writeUInt32LE(text.length, 1)
      return Buffer.concat([head, text])
    }
    case 'mailbox': {
      const head = Buffer.alloc(7)
      head.writeUInt8(kind)
      head.writeUInt32LE(record.user, 1)
      head.writeUInt16LE(record.cursor.length, 5)
      return Buffer.concat([head, record.cursor])
    }
    case 'sent': {
      const { recipients } = record
      const bytes = Buffer.alloc(38 + 4 * recipients.length)
      putTimed(bytes, kind, record)
      bytes.set(record.id, 13)
      bytes.writeUInt32LE(record.sender, 29)
      bytes.writeUInt32LE(record.bytes, 33)
      bytes.writeUInt8(recipients.length, 37)
      recipients.forEach((user, index) => {
        bytes.writeUInt32LE(user, 38 + 4 * index)
      })
      return bytes
    }
    case 'resent':
    case 'accepted':
      return putTimed(Buffer.alloc(13), kind, record)
    case 'refused': {
      const bytes = Buffer.alloc(14 + record.code.length)
      putTimed(bytes, kind, record)
      bytes.writeUInt8(record.code.length, 13)
      bytes.write(record.code, 14, 'latin1')
      return bytes
    }
    case 'notified': {
      const bytes = putTimed(Buffer.alloc(17), kind, record)
      bytes.writeUInt32LE(record.user, 13)
      return bytes
    }
    case 'end': {
      const bytes = Buffer.alloc(9)
      bytes.writeUInt8(kind)
      bytes.writeDoubleLE(record.at, 1)
      return bytes
    }
  }
}

function putTimed(
  bytes: Buffer,
  kind: number,
  { at, number }: { readonly at: number; readonly number: number },
): Buffer {
  bytes.writeUInt8(kind)
  bytes.writeDoubleLE(at, 1)
  bytes.writeUInt32LE(number, 9)
  return bytes
}

function decodeGroup(group: Buffer, into: JournalRecord[]): void {
  let offset = 0
  const skip = (length: number) => {
    offset += length
    return offset - length
  }
  const u8 = () => group.readUInt8(skip(1))
  const u32 = () => group.readUInt32LE(skip(4))
  const f64 = () => group.readDoubleLE(skip(8))
  const bytes = (length: number) => Uint8Array.from(group.subarray(skip(length), offset))
  while (offset < group.length) {
    const kind = kinds[u8()]
    switch (kind) {
      case 'start':
        into.push({ kind, run: parseHeader(Buffer.from(bytes(u32())).toString()) })
        break
      case 'mailbox': {
        const user = u32()
        into.push({ kind, user, cursor: bytes(group.readUInt16LE(skip(2))) })
        break
      }
      case 'sent': {
        const [at, number, id, sender, size] = [f64(), u32(), bytes(ID_BYTES), u32(), u32()]
        const recipients = Array.from({ length: u8() }, u32)
        into.push({ kind, at, number, id, sender, bytes: size, recipients })
        break
      }
      case 'resent':
      case 'accepted':
        into.push({ kind, at: f64(), number: u32() })
        break
      case 'refused': {
        const [at, number, length] = [f64(), u32(), u8()]
        into.push({ kind, at, number, code: Buffer.from(bytes(length)).toString('latin1') })
        break
      }
      case 'notified':
        into.push({ kind, at: f64(), number: u32(), user: u32() })
        break
      case 'end':
        into.push({ kind, at: f64() })
        break
      case '':
      case undefined:
        throw new MailxError('INVALID_ARGUMENT', 'a record of a kind that this version has not')
    }
  }
}

function parseHeader(text: string): RunHeader {
  const header = RunHeader.safeParse(JSON.parse(text))
  if (header.success) return header.data
  throw new MailxError('INVALID_ARGUMENT', `the journal's header: ${header.error.message}`)
}
