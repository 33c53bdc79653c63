import { MailxError } from '@mailx/errors/mailx-error'
import { fromHex, toHex } from './encoding.ts'

/** A UUIDv7 (RFC 9562 §5.7): 16 bytes, 48 bits of `now` in milliseconds, the rest random. */
export function newId(now: number, random: (length: number) => Uint8Array): Uint8Array {
  const id = Uint8Array.from(random(16))
  const view = new DataView(id.buffer)
  view.setUint16(0, Math.floor(now / 2 ** 32))
  view.setUint32(2, now % 2 ** 32)
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f))
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f))
  return id
}

/** 8-4-4-4-12 lower-case digits. Throws INVALID_ARGUMENT unless the id has 16 bytes. */
export function formatId(id: Uint8Array): string {
  if (id.length !== 16) {
    throw new MailxError('INVALID_ARGUMENT', `an id has 16 bytes, not ${id.length}`)
  }
  const hex = toHex(id)
  const [a, b, c, d] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)]
  return `${a}-${b}-${c}-${d}-${hex.slice(20)}`
}

/** The 16 bytes of a UUID in text. Throws INVALID_ARGUMENT. */
export function parseId(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      'an id looks like 018f3c5e-7a1b-7c2d-8e3f-0123456789ab',
    )
  }
  return fromHex(text.replaceAll('-', ''))
}
