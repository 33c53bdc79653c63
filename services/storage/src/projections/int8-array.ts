const HEADER_BYTES = 20
const INT8 = 20

/** `int8[]` in Postgres' binary format; see the other element types in the event log's library. */
export function int8Array(values: readonly bigint[]): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + 12 * values.length)
  for (const [index, field] of [1, 0, INT8, values.length, 1].entries()) {
    array.writeInt32BE(field, index * 4)
  }
  let at = HEADER_BYTES
  for (const value of values) {
    at = array.writeInt32BE(8, at)
    at = array.writeBigInt64BE(value, at)
  }
  return array
}
