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
  'put-off',
] as const
const kindByte = Object.fromEntries(kinds.map((kind, index) => [kind, index])) as Readonly<
  Record<(typeof kinds)[number], number>
>

/** Gathers records as bytes: what it makes for each of them is used again for the next group. */
export function groupEncoder() {
  let bytes = Buffer.alloc(64 * 1024)
  let view = viewOf(bytes)
  let end = GROUP_HEADER

  const reserve = (length: number) => {
    if (end + length > bytes.length) {
      const larger = Buffer.alloc(Math.max(2 * bytes.length, end + length))
      larger.set(bytes.subarray(0, end))
      bytes = larger
      view = viewOf(bytes)
    }
    end += length
    return end - length
  }
  const timed = (
    kind: number,
    { at, number }: { readonly at: number; readonly number: number },
    more = 0,
  ) => {
    const start = reserve(13 + more)
    bytes[start] = kind
    view.setFloat64(start + 1, at, true)
    view.setUint32(start + 9, number, true)
    return start + 13
  }

  return {
    add(record: JournalRecord): void {
      const kind = kindByte[record.kind]
      switch (record.kind) {
        case 'start': {
          const text = Buffer.from(JSON.stringify(record.run))
          const start = reserve(5 + text.length)
          bytes[start] = kind
          view.setUint32(start + 1, text.length, true)
          bytes.set(text, start + 5)
          return
        }
        case 'mailbox': {
          const { user, cursor } = record
          const start = reserve(7 + cursor.length)
          bytes[start] = kind
          view.setUint32(start + 1, user, true)
          view.setUint16(start + 5, cursor.length, true)
          bytes.set(cursor, start + 7)
          return
        }
        case 'sent': {
          const { recipients } = record
          let at = timed(kind, record, ID_BYTES + 9 + 4 * recipients.length)
          bytes.set(record.id, at)
          view.setUint32(at + 16, record.sender, true)
          view.setUint32(at + 20, record.bytes, true)
          bytes[at + 24] = recipients.length
          at += 25
          for (const user of recipients) {
            view.setUint32(at, user, true)
            at += 4
          }
          return
        }
        case 'resent':
        case 'put-off':
        case 'accepted':
          timed(kind, record)
          return
        case 'refused': {
          const { code } = record
          const at = timed(kind, record, 1 + code.length)
          bytes[at] = code.length
          bytes.write(code, at + 1, 'latin1')
          return
        }
        case 'notified':
          view.setUint32(timed(kind, record, 4), record.user, true)
          return
        case 'end': {
          const start = reserve(9)
          bytes[start] = kind
          view.setFloat64(start + 1, record.at, true)
        }
      }
    },
    /** What was added since the last time, as one group; it holds until the next `add`. */
    take(): Buffer | undefined {
      if (end === GROUP_HEADER) return undefined
      const group = bytes.subarray(0, end)
      group.writeUInt32LE(end - GROUP_HEADER, 0)
      group.writeUInt32LE(crc32(group.subarray(GROUP_HEADER)), 4)
      end = GROUP_HEADER
      return group
    },
  }
}

const viewOf = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** The records as one group. */
export function encodeGroup(records: readonly JournalRecord[]): Buffer {
  const encoder = groupEncoder()
  for (const record of records) encoder.add(record)
  return Buffer.from(encoder.take() ?? [])
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
      case 'put-off':
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
