import { toHex } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { signingKeyPair } from '@mailx/crypto/sign'
import { formatId } from '@mailx/crypto/uuid'
import { deliveryLeaf } from '@mailx/delivery/delivery-leaf'
import { receiptLeafOf } from '@mailx/delivery/receipt-leaf'
import { verifyInclusion } from '@mailx/merkle/inclusion-proof'
import { rootOf } from '@mailx/merkle/tree-hash'
import {
  type DeliverStreamResponse,
  DeliveryResponse,
  Receipt,
} from '@mailx/proto/delivery/v1/delivery_service'
import { signStatement, verifyStatement } from '@mailx/statement/statement'
import { expect, test } from 'vitest'
import { checkReceipt } from './check-receipt.ts'
import { blobsOf, composeBatch } from './compose-batch.ts'
import type { DueDelivery } from './due-delivery.ts'

const ours = signingKeyPair(new Uint8Array(32).fill(1))
const theirs = signingKeyPair(new Uint8Array(32).fill(2))
const lane = { origin: 'a.test', peer: 'b.test' }
const refusedWith = (code: string) => expect.objectContaining({ code })

const content = new Uint8Array(500).fill(7)
const envelopes = [1, 2, 3].map((n) => new Uint8Array(100).fill(n))
const deliveries = envelopes.map(
  (envelope, n): DueDelivery => ({
    ...lane,
    partition: 'submission-0',
    position: 1n,
    ordinal: n,
    messageId: new Uint8Array(16).fill(5),
    sender: 'alice@a.test',
    recipient: `user${n}@b.test`,
    acceptedAt: 10,
    createdAt: 9,
    expiresAt: 99,
    contentHash: blake2b256(content),
    contentSize: content.length,
    envelopeHash: blake2b256(envelope),
    envelopeSize: envelope.length,
    attachments: [],
    traceparent: '',
    state: { status: 'due', told: [], delayed: false },
    version: 0,
    attempts: 0,
    lastFault: undefined,
  }),
)
const blobs = new Map([content, ...envelopes].map((blob) => [toHex(blake2b256(blob)), blob]))

const batch = () =>
  composeBatch({
    lane,
    sequence: 4n,
    deliveries,
    blobs,
    traceparentOf: ({ recipient }) => `trace of ${recipient}`,
    key: { kid: 'deliver-1', secretKey: ours.secretKey },
    at: 50,
  })

test('a batch asks for each sealed blob once', () => {
  expect(blobsOf(deliveries)).toHaveLength(4)
})

test('a batch carries a shared content once, and every envelope', () => {
  const { contents, deliveries: sent, sequence } = batch()
  expect(contents).toEqual([content])
  expect(sequence).toBe(4n)
  expect(sent.map(({ envelope }) => envelope)).toEqual(envelopes)
  expect(sent.map(({ content: index }) => index)).toEqual([0, 0, 0])
  expect(sent[1]).toMatchObject({ recipient: 'user1@b.test', traceparent: 'trace of user1@b.test' })
})

const rootFor = (destination: string) =>
  rootOf(deliveries.map((delivery) => deliveryLeaf({ ...delivery, origin: 'a.test', destination })))

test('one signature covers every delivery, for this peer alone', () => {
  const { signature } = batch()
  const isFor = (destination: string) =>
    verifyStatement(
      'delivery-batch',
      { origin: 'a.test', destination, root: rootFor(destination), count: 3, createdAt: 50 },
      signature,
      ours.publicKey,
    )
  expect(isFor('b.test')).toBe(true)
  expect(isFor('c.test')).toBe(false)
})

const responses = deliveries.map((_, n) =>
  DeliveryResponse.create(
    n === 1
      ? { status: 'TRY_LATER', timestamp: 60n }
      : { messageId: formatId(new Uint8Array(16).fill(n)), timestamp: 60n },
  ),
)

type Change = {
  readonly said?: readonly DeliveryResponse[]
  readonly origin?: string
  readonly receipt?: Partial<Receipt>
}

/** What an honest peer answers, changed afterwards. */
function answered({ origin = 'a.test', receipt, said = responses }: Change = {}) {
  const leaves = deliveries.map((delivery, n) =>
    receiptLeafOf(delivery, responses[n] as DeliveryResponse),
  )
  const root = rootOf(leaves)
  const statement = { origin, destination: 'b.test', root, count: 3, signedAt: 70 }
  const signature = signStatement('delivery-receipt', statement, theirs.secretKey)
  const signed = { kid: 'k', root, count: 3, signedAtUnixMs: 70n, signature, index: 0, path: [] }
  return { sequence: 4n, responses: [...said], receipt: { ...signed, ...receipt } }
}
const check = (
  response: DeliverStreamResponse,
  publicKey: Uint8Array | undefined = theirs.publicKey,
) => checkReceipt({ lane, deliveries, response, keyOf: () => publicKey })

test('an honest answer is taken, and each receipt of it can be proved alone', () => {
  const { receiptFor } = check(answered())
  const receipt = Receipt.decode(receiptFor(2))
  const leafHash = receiptLeafOf(deliveries[2] as DueDelivery, responses[2] as DeliveryResponse)
  const { count: size, index, path: proof, root } = receipt
  expect(verifyInclusion({ leafHash, index, size, root, proof })).toBe(true)
})

const [first, second] = responses as [DeliveryResponse, DeliveryResponse]
test.each<[string, string, DeliverStreamResponse]>([
  ['no receipt', 'BAD_PROOF', { sequence: 4n, responses }],
  ['one answer too few', 'BAD_PROOF', answered({ said: [first, second] })],
  ['answers in another order', 'BAD_PROOF', answered({ said: [second, first, first] })],
  [
    'another status than was signed',
    'BAD_PROOF',
    answered({ said: [first, { ...second, status: 'ACCEPTED' }, responses[2] ?? first] }),
  ],
  [
    'another id than was signed',
    'BAD_PROOF',
    answered({ said: [{ ...first, messageId: 'x' }, second, responses[2] ?? first] }),
  ],
  [
    'a status of the future',
    'BAD_PROOF',
    answered({ said: [{ ...first, status: 'UNRECOGNIZED' }, second, first] }),
  ],
  ['another count', 'BAD_PROOF', answered({ receipt: { count: 2 } })],
  ['a negative time', 'BAD_PROOF', answered({ receipt: { signedAtUnixMs: -1n } })],
  ['another time than was signed', 'BAD_SIGNATURE', answered({ receipt: { signedAtUnixMs: 71n } })],
  ['no signature', 'BAD_SIGNATURE', answered({ receipt: { signature: new Uint8Array(64) } })],
  ['a receipt for another origin', 'BAD_SIGNATURE', answered({ origin: 'c.test' })],
])('%s is %s', (_, refusal, response) => {
  expect(() => check(response)).toThrow(refusedWith(refusal))
})

test('a receipt by a key that the peer does not publish is BAD_SIGNATURE', () => {
  const response = answered()
  expect(() => checkReceipt({ lane, deliveries, response, keyOf: () => undefined })).toThrow(
    refusedWith('BAD_SIGNATURE'),
  )
  expect(() => check(response, ours.publicKey)).toThrow(refusedWith('BAD_SIGNATURE'))
})
