import { concat } from '@mailx/crypto/encoding'
import { openSecretbox } from '@mailx/crypto/secretbox'
import { seedOf } from '@mailx/keys/testing/sample-domain'
import { expect, test } from 'vitest'
import { envelopeFacts } from './envelope-facts.ts'
import { keyCommitment } from './key-commitment.ts'
import { openMessage } from './open-message.ts'
import { envelopeFor, people } from './testing/sample-message.ts'
import { twoKeyBox } from './testing/two-key-box.ts'

const { bob, carol, mallory } = people
const refusedWith = (code: string) => expect.objectContaining({ name: 'MailxError', code })

const keyOfBob = seedOf('what bob shall read')
const keyOfCarol = seedOf('what carol shall read')
const nonce = seedOf('nonce').slice(0, 24)
const box = twoKeyBox([keyOfBob, keyOfCarol], nonce, 16)
const content = concat(Uint8Array.of(1), nonce, box)

test('without a commitment one content has two meanings: the box opens under two keys', () => {
  const forBob = openSecretbox({ key: keyOfBob, nonce }, box)
  const forCarol = openSecretbox({ key: keyOfCarol, nonce }, box)
  expect(forBob).toHaveLength(256)
  expect(forCarol).toHaveLength(256)
  expect(forBob).not.toEqual(forCarol)
})

test('a reader whose key packet holds another key than the one committed to is shown nothing', () => {
  const message = { from: mallory, committedKey: keyOfBob }
  const envelope = envelopeFor(content, { ...message, to: carol, contentKey: keyOfCarol })
  expect(() => openMessage({ envelope, content, me: carol.me, sender: mallory.keys })).toThrow(
    refusedWith('BAD_ENVELOPE'),
  )
})

test('a sender who commits to each key apart shows it in the envelopes', () => {
  const [one, two] = [keyOfBob, keyOfCarol].map((key, index) =>
    envelopeFacts(
      envelopeFor(content, {
        from: mallory,
        to: index === 0 ? bob : carol,
        contentKey: key,
        committedKey: key,
      }),
    ),
  )
  expect(one?.contentHash).toEqual(two?.contentHash)
  expect(one?.keyCommitment).not.toEqual(two?.keyCommitment)
})

test('a commitment is to one key and one content', () => {
  const commitment = keyCommitment(keyOfBob, seedOf('content'))
  expect(commitment).toHaveLength(32)
  expect(keyCommitment(keyOfCarol, seedOf('content'))).not.toEqual(commitment)
  expect(keyCommitment(keyOfBob, seedOf('other content'))).not.toEqual(commitment)
})
