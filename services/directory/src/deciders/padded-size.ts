const KIB = 1024
/** Room for one user's keys with sixteen devices and two proofs, without the document. */
const KEYS_BYTES = 12 * KIB
const STEP_BYTES = 4 * KIB

/**
 * The one size of an answer about so many addresses (proto/README.md, section 6): it depends on how many were asked
 * for and on the published document, and on nothing that the answer says.
 */
export function answerSize(addresses: number, documentBytes: number): number {
  const document = Math.ceil(documentBytes / STEP_BYTES) * STEP_BYTES
  return Math.max(addresses, 1) * (KEYS_BYTES + document)
}

/**
 * How many bytes of padding bring an encoded message of `unpadded` bytes to `size`, tag and length of
 * the padding field included. Where no padding fits exactly, to the next step above.
 */
export function paddingFor(unpadded: number, size: number): number {
  for (let target = size; ; target += STEP_BYTES) {
    for (let lengthBytes = 1; lengthBytes <= 5; lengthBytes += 1) {
      const padding = target - unpadded - 1 - lengthBytes
      if (padding > 0 && varintBytes(padding) === lengthBytes) return padding
    }
  }
}

const varintBytes = (value: number): number => Math.ceil((32 - Math.clz32(value | 1)) / 7)
