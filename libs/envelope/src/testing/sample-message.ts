/* People who write to each other, and envelopes that no honest client makes: what tests stand on. */
import { blake2b256 } from '@mailx/crypto/hash'
import { formatId } from '@mailx/crypto/uuid'
import { verifyKeyBundle } from '@mailx/keys/key-bundle'
import { type SampleUser, sampleDomain, seedOf } from '@mailx/keys/testing/sample-domain'
import { formatTime } from '@mailx/keys/unix-ms'
import { Envelope } from '@mailx/proto/envelope/v1/envelope'
import { signStatement } from '@mailx/statement/statement'
import { sealContent } from '../content.ts'
import { keyCommitment } from '../key-commitment.ts'
import { sealKeyPacket } from '../key-packet.ts'
import { messageStatement } from '../message-statement.ts'
import type { OpenRequest } from '../open-message.ts'
import type { SendingDevice } from '../seal-message.ts'

export const NOW = Date.UTC(2026, 0, 10)

/** Bytes that look random and are the same in every run. */
export function repeatableRandom(label: string): (length: number) => Uint8Array {
  let count = 0
  return (length) => {
    count += 1
    return seedOf(`${label}/${count}`).slice(0, length)
  }
}

const home = sampleDomain('a.example', ['alice', 'bob', 'carol', 'mallory'], NOW)

export type Person = ReturnType<typeof person>

function person(user: SampleUser) {
  const { address, devices } = user
  const sendingDevices = devices.map(
    ({ device, signing, encryption }): SendingDevice => ({
      id: device.id,
      signingSecretKey: signing.secretKey,
      encryptionSecretKey: encryption.secretKey,
    }),
  )
  const [sendingDevice] = sendingDevices
  if (sendingDevice === undefined) throw new Error('a sample user has devices')
  return {
    address,
    keys: verifyKeyBundle(home.bundleOf(user), { address, now: NOW }),
    from: { address, device: sendingDevice },
    me: {
      address,
      devices: devices.map(({ device, encryption }) => ({
        id: device.id,
        encryptionSecretKey: encryption.secretKey,
      })),
    } satisfies OpenRequest['me'],
  }
}

const [alice, bob, carol, mallory] = home.users.map(person)
if (!alice || !bob || !carol || !mallory) throw new Error('the sample domain has four users')

export const people = { alice, bob, carol, mallory }

export const SAMPLE_ID = seedOf('message id').slice(0, 16)
export const SAMPLE_KEY = seedOf('content key')

/** Signs an envelope anew after a change. */
export function resign(
  bytes: Uint8Array,
  change: Partial<Envelope>,
  device: SendingDevice = people.alice.from.device,
): Uint8Array {
  const envelope = { ...Envelope.decode(bytes), ...change }
  const statement = messageStatement(envelope)
  const signature = signStatement('message', statement, device.signingSecretKey)
  return Envelope.encode({ ...envelope, signature }).finish()
}

/** An envelope and its content with anything inside. */
export function sealAnything(
  inside: Uint8Array,
  options: { readonly from?: Person; readonly to?: Person; readonly contentKey?: Uint8Array } = {},
): { envelope: Uint8Array; content: Uint8Array } {
  const { from = people.alice, to = people.bob, contentKey = SAMPLE_KEY } = options
  const content = sealContent(inside, { contentKey, nonce: seedOf('nonce').slice(0, 24) })
  const envelope = envelopeFor(content, { from, to, contentKey, committedKey: contentKey })
  return { envelope, content }
}

/** An envelope for a given content; the committed key need not be the one in the key packets. */
export function envelopeFor(
  content: Uint8Array,
  choice: {
    readonly from: Person
    readonly to: Person
    readonly contentKey: Uint8Array
    readonly committedKey: Uint8Array
  },
): Uint8Array {
  const { from, to, contentKey, committedKey } = choice
  const contentHash = blake2b256(content)
  const unsigned = {
    version: 1,
    suite: 1,
    messageId: SAMPLE_ID,
    sender: from.address,
    recipient: to.address,
    createdAtUnixMs: BigInt(NOW),
    contentHash,
    keyCommitment: keyCommitment(committedKey, contentHash),
    deviceListVersion: 1,
    keyPackets: to.keys.devices.map((device, index) =>
      sealKeyPacket({
        device,
        messageId: SAMPLE_ID,
        senderSecretKey: from.from.device.encryptionSecretKey,
        contentKey,
        nonce: seedOf(`packet ${index}`).slice(0, 24),
      }),
    ),
    senderDeviceId: from.from.device.id,
    signature: new Uint8Array(64),
  }
  return resign(Envelope.encode(unsigned).finish(), {}, from.from.device)
}

/** The payload's members as sealMessage would write them, before a test spoils one. */
export const samplePayload = () => ({
  messageId: formatId(SAMPLE_ID),
  from: people.alice.address,
  to: [people.bob.address],
  cc: [] as string[],
  date: formatTime(NOW),
  subject: 'Meeting tomorrow',
  contentType: 'text/plain',
  body: 'Let us meet at three.',
  references: [] as string[],
  attachments: [] as unknown[],
})
