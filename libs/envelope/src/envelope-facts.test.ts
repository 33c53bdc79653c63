import { utf8 } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { expect, test } from 'vitest'
import { envelopeFacts } from './envelope-facts.ts'
import {
  NOW,
  people,
  resign,
  SAMPLE_ID,
  samplePayload,
  sealAnything,
} from './testing/sample-message.ts'

const { envelope, content } = sealAnything(utf8(JSON.stringify(samplePayload())))

test('a server learns what it needs to route, and no more', () => {
  expect(envelopeFacts(envelope)).toEqual({
    version: 1,
    suite: 1,
    messageId: SAMPLE_ID,
    sender: people.alice.address,
    recipient: people.bob.address,
    createdAt: NOW,
    contentHash: blake2b256(content),
    keyCommitment: expect.any(Uint8Array),
    deviceListVersion: 1,
    keyPacketCount: 3,
    senderDeviceId: people.alice.from.device.id,
    envelopeHash: blake2b256(envelope),
  })
})

test('a malformed envelope is refused before it is stored', () => {
  const cut = envelope.subarray(0, -1)
  expect(() => envelopeFacts(cut)).toThrow(expect.objectContaining({ code: 'BAD_ENVELOPE' }))
  const newer = resign(envelope, { suite: 2 })
  expect(() => envelopeFacts(newer)).toThrow(
    expect.objectContaining({ code: 'UNSUPPORTED_VERSION' }),
  )
})
