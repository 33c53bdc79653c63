/** A value that is looked for, and what it is called when it is found. */
export type Needle = { readonly name: string; readonly value: Uint8Array }

/** Bytes in which something is looked for, and where they come from. */
export type Haystack = { readonly where: string; readonly bytes: Uint8Array }

export type Form = { readonly name: string; readonly bytes: Buffer }

/**
 * The ways in which a value may stand in a store: as it is, in hexadecimal, in base64 at each of the
 * three offsets it may have within what was encoded, and in UTF-16. At least 12 bytes are needed for
 * a form that nothing else has by chance.
 */
export function formsOf(value: Uint8Array): Form[] {
  if (value.length < 12) throw new Error('too short to be told from other bytes')
  const bytes = Buffer.from(value)
  const hex = bytes.toString('hex')
  const utf16 = Buffer.from(bytes.toString('latin1'), 'utf16le')
  const forms: Form[] = [
    { name: 'plain', bytes },
    { name: 'hex', bytes: Buffer.from(hex) },
    { name: 'upper-case hex', bytes: Buffer.from(hex.toUpperCase()) },
    { name: 'UTF-16LE', bytes: utf16 },
    { name: 'UTF-16BE', bytes: Buffer.from(utf16).swap16() },
  ]
  for (const encoding of ['base64', 'base64url'] as const) {
    for (const offset of [0, 1, 2]) {
      const name = `${encoding} at ${offset}`
      forms.push({ name, bytes: Buffer.from(encodedAt(bytes, offset, encoding)) })
    }
  }
  return forms
}

/** The characters that depend on the value alone, when `offset` bytes stand before it. */
function encodedAt(value: Buffer, offset: number, encoding: 'base64' | 'base64url'): string {
  const text = Buffer.concat([Buffer.alloc(offset), value]).toString(encoding)
  return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + value.length) * 8) / 6))
}

export type Finding = { readonly needle: string; readonly form: string; readonly where: string }

const STRIDE = 8
const WINDOW = 4

/**
 * Every form of every needle that is in a haystack, once per haystack. Looks at four bytes in eight:
 * each form has four bytes at such a place, wherever it stands.
 */
export function search(needles: readonly Needle[], haystacks: Iterable<Haystack>): Finding[] {
  const windows = new Map<number, { name: string; form: Form; at: number }[]>()
  const bloom = new Uint8Array(1 << 16)
  for (const { name, value } of needles) {
    for (const form of formsOf(value)) {
      for (let at = 0; at < STRIDE && at + WINDOW <= form.bytes.length; at++) {
        const word = form.bytes.readUInt32LE(at)
        bloom[folded(word)] = 1
        windows.set(word, [...(windows.get(word) ?? []), { name, form, at }])
      }
    }
  }
  const found = new Map<string, Finding>()
  for (const { where, bytes } of haystacks) {
    const hay = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let place = 0; place + WINDOW <= hay.length; place += STRIDE) {
      const word = hay.readUInt32LE(place)
      if (bloom[folded(word)] === 0) continue
      for (const { name, form, at } of windows.get(word) ?? []) {
        const from = place - at
        if (from < 0 || !hay.subarray(from, from + form.bytes.length).equals(form.bytes)) continue
        const finding = { needle: name, form: form.name, where }
        found.set(JSON.stringify(finding), finding)
      }
    }
  }
  return [...found.values()]
}

const folded = (word: number): number => (word ^ (word >>> 16)) & 0xffff
