// Postgres' binary array format: dimensions, flags, element type, length, lower bound, then each
// element with its length in front; all big-endian. pg sends a Buffer parameter in binary format, so
// these go out as they are: three times the rows of a JavaScript array, which pg turns into text.

const HEADER_BYTES = 20
const BYTEA = 17
const INT8 = 20
const INT4 = 23
const TEXT = 25

function header(array: Buffer, elementType: number, length: number): void {
  array.writeInt32BE(1, 0)
  array.writeInt32BE(0, 4)
  array.writeInt32BE(elementType, 8)
  array.writeInt32BE(length, 12)
  array.writeInt32BE(1, 16)
}

/** `bytea[]` */
export function byteaArray(values: readonly Uint8Array[]): Buffer {
  let size = HEADER_BYTES
  for (const value of values) size += 4 + value.length
  const array = Buffer.allocUnsafe(size)
  header(array, BYTEA, values.length)
  let at = HEADER_BYTES
  for (const value of values) {
    at = array.writeInt32BE(value.length, at)
    array.set(value, at)
    at += value.length
  }
  return array
}

/** `text[]` */
export function textArray(values: readonly string[]): Buffer {
  let size = HEADER_BYTES
  for (const value of values) size += 4 + 3 * value.length
  const array = Buffer.allocUnsafe(size)
  header(array, TEXT, values.length)
  let at = HEADER_BYTES
  for (const value of values) {
    const length = array.write(value, at + 4, 'utf8')
    at = array.writeInt32BE(length, at) + length
  }
  return array.subarray(0, at)
}

/** `int4[]` */
export function int4Array(values: readonly number[]): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + 8 * values.length)
  header(array, INT4, values.length)
  let at = HEADER_BYTES
  for (const value of values) {
    at = array.writeInt32BE(4, at)
    at = array.writeInt32BE(value, at)
  }
  return array
}

/** `int8[]` */
export function int8Array(values: readonly bigint[]): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + 12 * values.length)
  header(array, INT8, values.length)
  let at = HEADER_BYTES
  for (const value of values) {
    at = array.writeInt32BE(8, at)
    at = array.writeBigInt64BE(value, at)
  }
  return array
}
