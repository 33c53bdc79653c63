import { concat, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'

const context = utf8('mailx/v1/commitment')

/**
 * Ties an envelope to one content key. Poly1305 alone does not: a ciphertext can be made that opens
 * under two keys to two texts, one for each of two recipients.
 */
export const keyCommitment = (contentKey: Uint8Array, contentHash: Uint8Array): Uint8Array =>
  blake2b(concat(context, contentHash), { length: 32, key: contentKey })
