/**
 * The part of libsodium that MailX uses, over plain Uint8Arrays. Callers have checked all lengths.
 * Two backends give the same answers: sodium-native.ts on servers, sodium-wasm.ts in browsers.
 */
export type Sodium = {
  randomBytes(length: number): Uint8Array
  signSeedKeyPair(seed: Uint8Array): { publicKey: Uint8Array; secretKey: Uint8Array }
  signDetached(message: Uint8Array, secretKey: Uint8Array): Uint8Array
  signVerifyDetached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
  scalarmultBase(secretKey: Uint8Array): Uint8Array
  /** undefined when the result is all zero: a public key of low order. */
  scalarmult(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined
  /** undefined when the public key is of low order. */
  boxEasy(
    message: Uint8Array,
    nonce: Uint8Array,
    publicKey: Uint8Array,
    secretKey: Uint8Array,
  ): Uint8Array | undefined
  boxOpenEasy(
    box: Uint8Array,
    nonce: Uint8Array,
    publicKey: Uint8Array,
    secretKey: Uint8Array,
  ): Uint8Array | undefined
  secretboxEasy(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array
  secretboxOpenEasy(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined
  generichash(length: number, message: Uint8Array, key: Uint8Array | undefined): Uint8Array
  sha256(message: Uint8Array): Uint8Array
  memcmp(a: Uint8Array, b: Uint8Array): boolean
  pwhashArgon2id(
    length: number,
    passphrase: Uint8Array,
    salt: Uint8Array,
    opsLimit: number,
    memLimit: number,
  ): Promise<Uint8Array>
  /** Seals chunks in order; the last one carries the final tag. */
  streamPush(key: Uint8Array): {
    header: Uint8Array
    push(chunk: Uint8Array, final: boolean): Uint8Array
  }
  /** Opens chunks in order; undefined for a chunk that is not the next one. */
  streamPull(
    header: Uint8Array,
    key: Uint8Array,
  ): { pull(chunk: Uint8Array): { message: Uint8Array; final: boolean } | undefined }
}
