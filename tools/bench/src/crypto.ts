import { encryptionKeyPair } from '@mailx/crypto/agreement'
import { randomBytes } from '@mailx/crypto/random'
import { signingKeyPair } from '@mailx/crypto/sign'
import { openMessage } from '@mailx/envelope/open-message'
import { sealMessage } from '@mailx/envelope/seal-message'

const ROUNDS = 300

/** Median milliseconds to seal and to open a message of so many bytes for one device. */
export function measureCrypto(bytes: number) {
  const signing = signingKeyPair(randomBytes(32))
  const encryption = encryptionKeyPair(randomBytes(32))
  const id = randomBytes(16)
  const address = 'alice@a.test'
  const publicDevice = { id, signingKey: signing.publicKey, encryptionKey: encryption.publicKey }
  const keys = { address, devices: [publicDevice], deviceListVersion: 1 }
  const device = {
    id,
    signingSecretKey: signing.secretKey,
    encryptionSecretKey: encryption.secretKey,
  }
  const body = 'x'.repeat(bytes)
  const sealing: number[] = []
  const opening: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    const { content, envelopes } = sealMessage({
      payload: { to: [address], subject: 'bench', body },
      from: { address, device },
      recipients: [{ address, keys }],
      now: Date.now(),
      random: randomBytes,
    })
    const sealed = performance.now()
    const [envelope = new Uint8Array()] = envelopes
    openMessage({ envelope, content, me: { address, devices: [device] }, sender: keys })
    sealing.push(sealed - start)
    opening.push(performance.now() - sealed)
  }
  return { messageBytes: bytes, sealMs: median(sealing), openMs: median(opening) }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round((sorted[Math.floor(sorted.length / 2)] ?? 0) * 1000) / 1000
}
