import { toHex } from '@mailx/crypto/encoding'

/** An event's data for people: bytes as hexadecimal, cut when long; 64-bit integers as text. */
export function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    return value.length > 64
      ? `${toHex(value.subarray(0, 32))}… (${value.length} bytes)`
      : toHex(value)
  }
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.map(readable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, readable(inner)]))
}
