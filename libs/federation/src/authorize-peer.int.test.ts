import { randomBytes } from '@mailx/crypto/random'
import { callUnary } from '@mailx/grpc/client'
import { DeliveryServiceClient } from '@mailx/proto/delivery/v1/delivery_service'
import {
  type AuthorizeRequest,
  type HelloRequest,
  type HelloResponse,
  PeerServiceClient,
} from '@mailx/proto/peer/v1/peer_service'
import { signStatement } from '@mailx/statement/statement'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { authorizePeer, peerChallenge } from './authorize-peer.ts'
import { dialPeer, type PeerChannel } from './dial-peer.ts'
import { authorityOf } from './peer-authority.ts'
import type { PeerConnection } from './peer-connection.ts'
import { keysOf, listenAs } from './testing/listening-peer.ts'
import { type MadeDomain, makeDomain } from './testing/made-domain.ts'

const now = Date.now

let a: MadeDomain
let b: MadeDomain
let c: MadeDomain
beforeAll(async () => {
  ;[a, b, c] = await Promise.all([makeDomain('a.test'), makeDomain('b.test'), makeDomain('c.test')])
})

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function connected(from: MadeDomain, to: MadeDomain, known = [a, b, c]) {
  const { listener } = await listenAs(to, known)
  cleanups.push(() => listener.stop({ graceMs: 100 }))
  return { listener, channel: await dialled(from, to, listener.port) }
}

async function dialled(from: MadeDomain, to: MadeDomain, port: number): Promise<PeerChannel> {
  const authority = authorityOf(to.document, now())
  const certificate = await from.leaf()
  const channel = await dialPeer({ authority, certificate, addresses: ['127.0.0.1'], port, now })
  cleanups.push(() => channel.close())
  return channel
}

const helloOf = (from: MadeDomain, to: MadeDomain, change: Partial<HelloRequest> = {}) => ({
  from: from.domain,
  to: to.domain,
  nonce: randomBytes(32),
  minProtocol: 1,
  maxProtocol: 1,
  ...change,
})

const hello = (channel: PeerChannel, request: HelloRequest) =>
  callUnary(channel.client(PeerServiceClient).hello, request)

const authorize = (channel: PeerChannel, request: AuthorizeRequest) =>
  callUnary(channel.client(PeerServiceClient).authorize, request)

const serverInfo = (channel: PeerChannel) =>
  callUnary(channel.client(DeliveryServiceClient).getServerInfo, {})

/** The answer of a dialler that plays by the rules, but for what `change` says. */
function answer(
  signer: MadeDomain,
  channel: PeerChannel,
  said: HelloRequest,
  heard: HelloResponse,
  change: object = {},
): AuthorizeRequest {
  const challenge = {
    role: 'dialler',
    from: said.from,
    to: said.to,
    fromNonce: said.nonce,
    toNonce: heard.nonce,
    exporter: channel.exporter,
    version: heard.protocol,
    ...change,
  }
  const { kid, secretKey } = signer.keys.deliver
  return { kid, signature: signStatement('peer-challenge', challenge, secretKey) }
}

const notAuthentic = expect.objectContaining({ code: 'PEER_NOT_AUTHENTIC' })

describe('before Authorize', () => {
  test('every RPC but the challenge is refused, and served after it', async () => {
    const { channel } = await connected(a, b)
    const unauthenticated = { code: 'UNAUTHENTICATED', message: expect.stringMatching(/Authorize/) }
    await expect(serverInfo(channel)).rejects.toMatchObject(unauthenticated)
    const lookUp = channel.client(PeerServiceClient).lookUpKeys
    await expect(callUnary(lookUp, { asker: 'x@a.test', addresses: [] })).rejects.toMatchObject(
      unauthenticated,
    )
    const said = helloOf(a, b)
    const heard = await hello(channel, said)
    await expect(serverInfo(channel)).rejects.toMatchObject(unauthenticated)
    await authorize(channel, answer(a, channel, said, heard))
    expect(await serverInfo(channel)).toMatchObject({ domain: 'a.test' })
  })

  test('a stream is refused as well', async () => {
    const { channel } = await connected(a, b)
    const stream = channel.client(DeliveryServiceClient).deliverStream()
    const code = await new Promise((resolve) => {
      stream.on('error', (error) => resolve((error as unknown as { code: number }).code))
    })
    expect(code).toBe(16)
  })

  test('one connection’s authorization is worth nothing on another', async () => {
    const { channel, listener } = await connected(a, b)
    await authorizePeer({ channel, from: 'a.test', key: a.keys.deliver, findKey: keysOf([b]) })
    const second = await dialled(a, b, listener.port)
    await expect(serverInfo(second)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

describe('the listener refuses', () => {
  test('a Hello in another domain’s name', async () => {
    const { channel } = await connected(a, b)
    await expect(hello(channel, helloOf(c, b))).rejects.toThrow(/certificate is for a\.test/)
  })

  test('a Hello to a domain that was not dialled', async () => {
    const { channel } = await connected(a, b)
    await expect(hello(channel, helloOf(a, c))).rejects.toThrow(/dialled to b\.test/)
  })

  test('a domain that talks to itself', async () => {
    const { channel } = await connected(b, b)
    await expect(hello(channel, helloOf(b, b))).rejects.toEqual(notAuthentic)
  })

  test.each([0, 31, 33, 64])('a nonce of %i bytes', async (length) => {
    const { channel } = await connected(a, b)
    const request = helloOf(a, b, { nonce: randomBytes(length) })
    await expect(hello(channel, request)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  test('versions that have nothing in common with its own', async () => {
    const { channel } = await connected(a, b)
    const request = helloOf(a, b, { minProtocol: 7, maxProtocol: 9 })
    await expect(hello(channel, request)).rejects.toMatchObject({
      code: 'UNSUPPORTED_VERSION',
      message: expect.stringMatching(/speaks protocol 1 to 1/),
    })
  })

  test('a second Hello, and Authorize without Hello', async () => {
    const { channel } = await connected(a, b)
    const early = { kid: 'deliver-1', signature: new Uint8Array(64) }
    await expect(authorize(channel, early)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
    await hello(channel, helloOf(a, b))
    await expect(hello(channel, helloOf(a, b))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
    })
  })

  const wrong: readonly [string, object][] = [
    ['made for the listener’s role', { role: 'listener' }],
    ['over another nonce of ours', { fromNonce: new Uint8Array(32) }],
    ['over another nonce of the listener', { toNonce: new Uint8Array(32) }],
    ['bound to another TLS connection', { exporter: new Uint8Array(32) }],
    ['for another version', { version: 2 }],
    ['for another dialler', { from: 'c.test' }],
    ['for another listener', { to: 'c.test' }],
  ]
  test.each(wrong)('a signature %s, and the connection is spent', async (_, change) => {
    const { channel } = await connected(a, b)
    const said = helloOf(a, b)
    const heard = await hello(channel, said)
    await expect(authorize(channel, answer(a, channel, said, heard, change))).rejects.toEqual(
      notAuthentic,
    )
    const right = answer(a, channel, said, heard)
    await expect(authorize(channel, right)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
    await expect(serverInfo(channel)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('a signature by another domain’s key', async () => {
    const { channel } = await connected(a, b)
    const said = helloOf(a, b)
    const heard = await hello(channel, said)
    await expect(authorize(channel, answer(c, channel, said, heard))).rejects.toEqual(notAuthentic)
  })

  test('a signature by a key that is certified for another use', async () => {
    const { channel } = await connected(a, b)
    const said = helloOf(a, b)
    const heard = await hello(channel, said)
    const forged = { ...a, keys: { ...a.keys, deliver: a.keys.attest } }
    await expect(authorize(channel, answer(forged, channel, said, heard))).rejects.toThrow(
      /no valid deliver key/,
    )
  })

  test('its own signature, reflected', async () => {
    const { channel } = await connected(a, b)
    const heard = await hello(channel, helloOf(a, b))
    const reflected = { kid: heard.kid, signature: heard.signature }
    await expect(authorize(channel, reflected)).rejects.toEqual(notAuthentic)
  })

  test('an answer of an earlier connection, replayed', async () => {
    const { channel, listener } = await connected(a, b)
    const said = helloOf(a, b)
    const recorded = answer(a, channel, said, await hello(channel, said))
    await authorize(channel, recorded)
    const second = await dialled(a, b, listener.port)
    await hello(second, said)
    await expect(authorize(second, recorded)).rejects.toEqual(notAuthentic)
  })
})

const asDialler = (channel: PeerChannel, findKey = keysOf([b])) =>
  authorizePeer({ channel, from: 'a.test', key: a.keys.deliver, findKey })

describe('the dialler refuses', () => {
  test('a listener whose deliver key it does not know', async () => {
    const { channel } = await connected(a, b)
    await expect(asDialler(channel, keysOf([a, c]))).rejects.toThrow(/no valid deliver key/)
  })

  test('a listener that signs with another key under the right name', async () => {
    const impostor = { ...b, keys: { ...b.keys, deliver: c.keys.deliver } }
    const { channel } = await connected(a, impostor, [a, impostor])
    await expect(asDialler(channel)).rejects.toEqual(notAuthentic)
  })

  test('a challenge that was relayed through a third domain', async () => {
    // c.test takes a connection of a.test and passes the challenge on to b.test, as if it were a.
    const { channel: toB } = await connected(c, b)
    const relayed = helloOf(c, b)
    const fromB = await hello(toB, relayed)
    const { channel: toC } = await connected(a, c)
    const lying = {
      ...toC,
      client: () =>
        Object.assign(Object.create(toC.client(PeerServiceClient)), {
          hello: (_: unknown, __: unknown, ___: unknown, done: (e: null, r: unknown) => void) => {
            queueMicrotask(() => done(null, fromB))
            return { cancel: () => undefined }
          },
        }),
    } as unknown as PeerChannel
    await expect(asDialler(lying, keysOf([b, c]))).rejects.toEqual(notAuthentic)
  })

  test('a version that it did not offer', async () => {
    const { channel } = await connected(a, b)
    const heard = { ...(await hello(channel, helloOf(a, b))), protocol: 9 }
    const lying = {
      ...channel,
      client: () => ({
        hello: (_: unknown, __: unknown, ___: unknown, done: (e: null, r: unknown) => void) => {
          queueMicrotask(() => done(null, heard))
          return { cancel: () => undefined }
        },
      }),
    } as unknown as PeerChannel
    await expect(asDialler(lying)).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' })
  })
})

test('of two Hellos at once on one connection, one is refused', async () => {
  const connection: PeerConnection = {
    peer: 'a.test',
    local: 'b.test',
    exporter: randomBytes(32),
    remoteAddress: '127.0.0.1',
    state: { status: 'verified' },
    close: () => undefined,
  }
  const challenge = peerChallenge({
    keyOf: () => Promise.resolve(b.keys.deliver),
    findKey: keysOf([a]),
    now,
  })
  const both = await Promise.allSettled([
    challenge.hello(connection, helloOf(a, b)),
    challenge.hello(connection, helloOf(a, b)),
  ])
  expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
})
