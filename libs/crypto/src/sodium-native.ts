import native from 'sodium-native'
import type { Sodium } from './sodium.ts'

// The published types are of an older major: these are the functions used here, as version 5 has them.
type Binding = {
  [Name in
    | 'randombytes_buf'
    | 'crypto_sign_seed_keypair'
    | 'crypto_sign_detached'
    | 'crypto_scalarmult_base'
    | 'crypto_scalarmult'
    | 'crypto_box_easy'
    | 'crypto_secretbox_easy'
    | 'crypto_hash_sha256'
    | 'crypto_secretstream_xchacha20poly1305_init_push'
    | 'crypto_secretstream_xchacha20poly1305_init_pull']: (...args: Buffer[]) => void
} & {
  [Name in
    | 'crypto_sign_verify_detached'
    | 'crypto_box_open_easy'
    | 'crypto_secretbox_open_easy'
    | 'sodium_memcmp']: (...args: Buffer[]) => boolean | undefined
} & {
  [Name in
    | 'crypto_pwhash_ALG_ARGON2ID13'
    | 'crypto_secretstream_xchacha20poly1305_STATEBYTES'
    | 'crypto_secretstream_xchacha20poly1305_HEADERBYTES'
    | 'crypto_secretstream_xchacha20poly1305_ABYTES'
    | 'crypto_secretstream_xchacha20poly1305_TAGBYTES'
    | 'crypto_secretstream_xchacha20poly1305_TAG_MESSAGE'
    | 'crypto_secretstream_xchacha20poly1305_TAG_FINAL']: number
} & {
  crypto_generichash(output: Uint8Array, message: Uint8Array, key?: Uint8Array): void
  crypto_pwhash_async(
    output: Buffer,
    passphrase: Buffer,
    salt: Buffer,
    opsLimit: number,
    memLimit: number,
    algorithm: number,
  ): Promise<void>
  crypto_secretstream_xchacha20poly1305_push(
    state: Buffer,
    output: Buffer,
    message: Buffer,
    additional: null,
    tag: number,
  ): number
  crypto_secretstream_xchacha20poly1305_pull(
    state: Buffer,
    output: Buffer,
    tag: Buffer,
    sealed: Buffer,
    additional: null,
  ): number
}

const binding = native as Binding

// Hashes are on the way of every message, so they do without what costs more than the hash: a view of
// the input as a Buffer, and memory outside of the heap for 32 bytes.
const hashOutputs = new Map<number, Uint8Array>()

function hashOutput(length: number): Uint8Array {
  const output = hashOutputs.get(length) ?? new Uint8Array(length)
  hashOutputs.set(length, output)
  return output
}

const unshared = (bytes: Uint8Array): Uint8Array =>
  bytes.buffer instanceof ArrayBuffer ? bytes : Uint8Array.from(bytes)

// The binding wants memory of its own: it misreads SharedArrayBuffers.
const own = (bytes: Uint8Array): Buffer =>
  bytes.buffer instanceof ArrayBuffer
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : Buffer.from(bytes)

// A plain Uint8Array with memory of its own, never a slice of a shared pool.
const make = (length: number) => {
  const bytes = new Uint8Array(length)
  return { bytes, buffer: Buffer.from(bytes.buffer) }
}

function attempt(work: () => boolean | undefined): boolean {
  try {
    return work() !== false
  } catch {
    // The binding throws where libsodium returns -1: a point of low order.
    return false
  }
}

export const sodium: Sodium = {
  randomBytes(length) {
    const { bytes, buffer } = make(length)
    if (length > 0) binding.randombytes_buf(buffer)
    return bytes
  },
  signSeedKeyPair(seed) {
    const publicKey = make(32)
    const secretKey = make(64)
    binding.crypto_sign_seed_keypair(publicKey.buffer, secretKey.buffer, own(seed))
    return { publicKey: publicKey.bytes, secretKey: secretKey.bytes }
  },
  signDetached(message, secretKey) {
    const { bytes, buffer } = make(64)
    binding.crypto_sign_detached(buffer, own(message), own(secretKey))
    return bytes
  },
  signVerifyDetached: (signature, message, publicKey) =>
    binding.crypto_sign_verify_detached(own(signature), own(message), own(publicKey)) === true,
  scalarmultBase(secretKey) {
    const { bytes, buffer } = make(32)
    binding.crypto_scalarmult_base(buffer, own(secretKey))
    return bytes
  },
  scalarmult(secretKey, publicKey) {
    const { bytes, buffer } = make(32)
    const done = attempt(() => {
      binding.crypto_scalarmult(buffer, own(secretKey), own(publicKey))
      return true
    })
    return done ? bytes : undefined
  },
  boxEasy(message, nonce, publicKey, secretKey) {
    const { bytes, buffer } = make(message.length + 16)
    const done = attempt(() => {
      binding.crypto_box_easy(buffer, own(message), own(nonce), own(publicKey), own(secretKey))
      return true
    })
    return done ? bytes : undefined
  },
  boxOpenEasy(box, nonce, publicKey, secretKey) {
    const { bytes, buffer } = make(box.length - 16)
    const done = attempt(
      () =>
        binding.crypto_box_open_easy(
          buffer,
          own(box),
          own(nonce),
          own(publicKey),
          own(secretKey),
        ) === true,
    )
    return done ? bytes : undefined
  },
  secretboxEasy(message, nonce, key) {
    const { bytes, buffer } = make(message.length + 16)
    binding.crypto_secretbox_easy(buffer, own(message), own(nonce), own(key))
    return bytes
  },
  secretboxOpenEasy(box, nonce, key) {
    const { bytes, buffer } = make(box.length - 16)
    const done = binding.crypto_secretbox_open_easy(buffer, own(box), own(nonce), own(key)) === true
    return done ? bytes : undefined
  },
  generichash(length, message, key) {
    const output = hashOutput(length)
    if (key === undefined) binding.crypto_generichash(output, unshared(message))
    else binding.crypto_generichash(output, unshared(message), unshared(key))
    return output.slice()
  },
  sha256(message) {
    const { bytes, buffer } = make(32)
    binding.crypto_hash_sha256(buffer, own(message))
    return bytes
  },
  memcmp: (a, b) => binding.sodium_memcmp(own(a), own(b)) === true,
  async pwhashArgon2id(length, passphrase, salt, opsLimit, memLimit) {
    const { bytes, buffer } = make(length)
    await binding.crypto_pwhash_async(
      buffer,
      own(passphrase),
      own(salt),
      opsLimit,
      memLimit,
      binding.crypto_pwhash_ALG_ARGON2ID13,
    )
    return bytes
  },
  streamPush(key) {
    const state = Buffer.alloc(binding.crypto_secretstream_xchacha20poly1305_STATEBYTES)
    const header = make(binding.crypto_secretstream_xchacha20poly1305_HEADERBYTES)
    binding.crypto_secretstream_xchacha20poly1305_init_push(state, header.buffer, own(key))
    return {
      header: header.bytes,
      push(chunk, final) {
        const { bytes, buffer } = make(
          chunk.length + binding.crypto_secretstream_xchacha20poly1305_ABYTES,
        )
        const tag = final
          ? binding.crypto_secretstream_xchacha20poly1305_TAG_FINAL
          : binding.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
        binding.crypto_secretstream_xchacha20poly1305_push(state, buffer, own(chunk), null, tag)
        return bytes
      },
    }
  },
  streamPull(header, key) {
    const state = Buffer.alloc(binding.crypto_secretstream_xchacha20poly1305_STATEBYTES)
    binding.crypto_secretstream_xchacha20poly1305_init_pull(state, own(header), own(key))
    return {
      pull(chunk) {
        const { bytes, buffer } = make(
          chunk.length - binding.crypto_secretstream_xchacha20poly1305_ABYTES,
        )
        const tag = Buffer.alloc(binding.crypto_secretstream_xchacha20poly1305_TAGBYTES)
        const done = attempt(() => {
          binding.crypto_secretstream_xchacha20poly1305_pull(state, buffer, tag, own(chunk), null)
          return true
        })
        const final = tag[0] === binding.crypto_secretstream_xchacha20poly1305_TAG_FINAL
        return done ? { message: bytes, final } : undefined
      },
    }
  },
}
