import wrappers from 'libsodium-wrappers-sumo'
import type { Sodium } from './sodium.ts'

await wrappers.ready

// The binding throws where libsodium returns -1: a forged box, a point of low order.
function attempt(work: () => Uint8Array): Uint8Array | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

export const sodium: Sodium = {
  randomBytes: (length) => wrappers.randombytes_buf(length),
  signSeedKeyPair(seed) {
    const { publicKey, privateKey } = wrappers.crypto_sign_seed_keypair(seed)
    return { publicKey, secretKey: privateKey }
  },
  signDetached: (message, secretKey) => wrappers.crypto_sign_detached(message, secretKey),
  signVerifyDetached: (signature, message, publicKey) =>
    wrappers.crypto_sign_verify_detached(signature, message, publicKey),
  scalarmultBase: (secretKey) => wrappers.crypto_scalarmult_base(secretKey),
  scalarmult: (secretKey, publicKey) =>
    attempt(() => wrappers.crypto_scalarmult(secretKey, publicKey)),
  boxEasy: (message, nonce, publicKey, secretKey) =>
    attempt(() => wrappers.crypto_box_easy(message, nonce, publicKey, secretKey)),
  boxOpenEasy: (box, nonce, publicKey, secretKey) =>
    attempt(() => wrappers.crypto_box_open_easy(box, nonce, publicKey, secretKey)),
  secretboxEasy: (message, nonce, key) => wrappers.crypto_secretbox_easy(message, nonce, key),
  secretboxOpenEasy: (box, nonce, key) =>
    attempt(() => wrappers.crypto_secretbox_open_easy(box, nonce, key)),
  generichash: (length, message, key) => wrappers.crypto_generichash(length, message, key ?? null),
  sha256: (message) => wrappers.crypto_hash_sha256(message),
  memcmp: (a, b) => wrappers.memcmp(a, b),
  pwhashArgon2id: async (length, passphrase, salt, opsLimit, memLimit) =>
    wrappers.crypto_pwhash(
      length,
      passphrase,
      salt,
      opsLimit,
      memLimit,
      wrappers.crypto_pwhash_ALG_ARGON2ID13,
    ),
  streamPush(key) {
    const { state, header } = wrappers.crypto_secretstream_xchacha20poly1305_init_push(key)
    return {
      header,
      push: (chunk, final) =>
        wrappers.crypto_secretstream_xchacha20poly1305_push(
          state,
          chunk,
          null,
          final
            ? wrappers.crypto_secretstream_xchacha20poly1305_TAG_FINAL
            : wrappers.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
        ),
    }
  },
  streamPull(header, key) {
    const state = wrappers.crypto_secretstream_xchacha20poly1305_init_pull(header, key)
    return {
      pull(chunk) {
        const opened = wrappers.crypto_secretstream_xchacha20poly1305_pull(state, chunk, null)
        if (!opened) return undefined
        const final = opened.tag === wrappers.crypto_secretstream_xchacha20poly1305_TAG_FINAL
        return { message: opened.message, final }
      },
    }
  },
}
