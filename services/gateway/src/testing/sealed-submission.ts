import { blake2b256 } from '@mailx/crypto/hash'
import { randomBytes } from '@mailx/crypto/random'
import { newId } from '@mailx/crypto/uuid'
import type { Submission } from '@mailx/proto/client/v1/client_service'
import { Envelope } from '@mailx/proto/envelope/v1/envelope'

export type SubmissionSample = {
  readonly from?: string
  readonly deviceId?: Uint8Array
  readonly to: readonly string[]
  readonly messageId?: Uint8Array
  readonly content?: Uint8Array
  readonly createdAt?: number
  readonly attachmentHashes?: readonly Uint8Array[]
  /** What the envelopes claim instead. */
  readonly envelope?: Partial<Envelope>
}

/** A content as servers see it: the form is right, nobody can open it. */
export const someContent = (bytes = 300): Uint8Array => {
  const content = randomBytes(bytes)
  content[0] = 1
  return content
}

const packet = () => ({
  deviceTag: randomBytes(16),
  nonce: randomBytes(24),
  box: randomBytes(48),
})

/** A submission in which all that servers check is right, and what only clients check is noise. */
export function sealedSubmission(sample: SubmissionSample): Submission {
  const messageId = sample.messageId ?? newId(Date.now(), randomBytes)
  const content = sample.content ?? someContent()
  const common = {
    version: 1,
    suite: 1,
    messageId,
    sender: sample.from ?? 'alice@a.test',
    createdAtUnixMs: BigInt(sample.createdAt ?? Date.now()),
    contentHash: blake2b256(content),
    keyCommitment: randomBytes(32),
    deviceListVersion: 1,
    senderDeviceId: sample.deviceId ?? new Uint8Array(16).fill(1),
    signature: randomBytes(64),
    ...sample.envelope,
  }
  return {
    messageId,
    content,
    envelopes: sample.to.map((recipient) =>
      Envelope.encode({ recipient, keyPackets: [packet(), packet()], ...common }).finish(),
    ),
    attachmentHashes: sample.attachmentHashes ?? [],
    traceparent: '',
  }
}
