import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls'
import { MailxError } from '@mailx/errors/mailx-error'
import { callUnary } from '@mailx/grpc/client'
import {
  DeliverStreamRequest,
  DeliveryServiceClient,
} from '@mailx/proto/delivery/v1/delivery_service'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { authorizePeer } from './authorize-peer.ts'
import { dialPeer, type PeerChannel } from './dial-peer.ts'
import { authorityOf } from './peer-authority.ts'
import type { PeerCertificate } from './peer-certificate.ts'
import { keysOf, type ListeningPeer, listenAs } from './testing/listening-peer.ts'
import { type MadeDomain, makeDomain } from './testing/made-domain.ts'
import { type LeafFault, makeLeaf } from './testing/made-leaf.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const now = Date.now

let a: MadeDomain
let b: MadeDomain
let evil: MadeDomain
beforeAll(async () => {
  ;[a, b, evil] = await Promise.all([
    makeDomain('a.test'),
    makeDomain('b.test'),
    makeDomain('evil.test'),
  ])
})

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function listening(...args: Parameters<typeof listenAs>): Promise<ListeningPeer> {
  const peer = await listenAs(...args)
  cleanups.push(() => peer.listener.stop({ graceMs: 100 }))
  return peer
}

async function dial(certificate: PeerCertificate, port: number, to = b): Promise<PeerChannel> {
  const authority = authorityOf(to.document, now())
  const channel = await dialPeer({
    authority,
    certificate,
    addresses: ['127.0.0.1'],
    port,
    now,
    timeoutMs: 3000,
  })
  cleanups.push(() => channel.close())
  return channel
}

const authorize = (channel: PeerChannel, from = a) =>
  authorizePeer({
    channel,
    from: from.domain,
    key: from.keys.deliver,
    findKey: keysOf([a, b, evil]),
  })

const dns = (...values: string[]) => ({
  names: values.map((value) => ({ type: 'dns' as const, value })),
})
const faults: readonly [string, LeafFault, RegExp][] = [
  ['signed by itself', { selfSigned: true }, /not signed by the CA/],
  ['for a wildcard', dns('*.test'), /wildcard/],
  ['for an IP address', { names: [{ type: 'ip', value: '127.0.0.1' }] }, /plain DNS name/],
  ['with a common name only', { names: [], commonName: 'SELF' }, /no subject alternative name/],
  ['for two names', dns('SELF', 'other.test'), /exactly one domain/],
  ['in upper case', dns('UPPER'), /canonical form/],
  ['with a trailing dot', dns('SELF.'), /canonical form|valid domain/],
  ['that has expired', { from: Date.now() - 8 * DAY_MS }, /expired/],
  ['that is not yet valid', { from: Date.now() + HOUR_MS }, /not yet valid/],
  ['that is a CA', { ca: true }, /CA certificate/],
  ['for code signing', { usages: ['1.3.6.1.5.5.7.3.3'] }, /use/],
  ['with an RSA key', { rsa: true }, /must be Ed25519/],
  ['for ninety days', { days: 90 }, /over seven days/],
]

/** Writes the domain's own name where a fault says SELF or UPPER. */
const named = (fault: LeafFault, domain: string): LeafFault => ({
  ...fault,
  ...(fault.commonName && { commonName: domain }),
  ...(fault.names && {
    names: fault.names.map(({ type, value }) => ({
      type,
      value: value.replace('SELF', domain).replace('UPPER', domain.toUpperCase()),
    })),
  }),
})

const leafOf = (domain: MadeDomain, fault: LeafFault, signer = domain.keys.tls) =>
  makeLeaf({ ...domain, now: now(), signer }, named(fault, domain.domain))

test('two domains connect, authorize each other, and the listener knows who calls', async () => {
  const peer = await listening(b, [a])
  const channel = await dial(await a.leaf(), peer.listener.port)
  expect(await authorize(channel)).toEqual({ protocol: 1 })
  const client = channel.client(DeliveryServiceClient)
  expect(await callUnary(client.getServerInfo, {})).toMatchObject({ domain: 'a.test' })
  const [connection] = peer.listener.connections()
  expect(connection).toMatchObject({ peer: 'a.test', local: 'b.test' })
  expect(connection?.exporter).toEqual(channel.exporter)
  expect(channel.exporter).toHaveLength(32)
})

const allowAll = () => undefined

const denyAll = (domain: string) => {
  throw new MailxError('PEER_NOT_ALLOWED', `${domain} is on the deny list`)
}

/** Dials, expects to be turned away, and gives the listener's reason. */
async function refusalOf(peer: ListeningPeer, certificate: PeerCertificate): Promise<string> {
  await expect(dial(certificate, peer.listener.port)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/closed the connection when it saw our certificate/),
  })
  await vi.waitFor(() => expect(peer.rejections).toHaveLength(1))
  expect(peer.served()).toBe(0)
  expect(peer.listener.connections()).toEqual([])
  return peer.rejections[0]?.reason.message ?? ''
}

const rawTls = async (options: ConnectionOptions) => {
  const socket = connect({
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    ...options,
  })
  cleanups.push(() => socket.destroy())
  const failure = new Promise<string>((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.once('close', () => resolve('closed'))
  })
  socket.resume()
  return { socket, failure }
}

const openStream = (channel: PeerChannel) => {
  const stream = channel.client(DeliveryServiceClient).deliverStream()
  cleanups.push(() => stream.cancel())
  stream.on('error', () => undefined)
  const send = async (sequence: bigint) => {
    const answered = once(stream, 'data')
    stream.write(
      DeliverStreamRequest.fromPartial({ frame: { $case: 'batch', value: { sequence } } }),
    )
    const [response] = (await answered) as [{ sequence: bigint }]
    return response.sequence
  }
  return { stream, send }
}

describe('the listener refuses a dialler', () => {
  test.each(faults)('with a certificate %s', async (_, fault, reason) => {
    const peer = await listening(b, [a])
    expect(await refusalOf(peer, await leafOf(a, fault))).toMatch(reason)
  })

  test('whose certificate another domain’s CA signed', async () => {
    const peer = await listening(b, [a])
    const leaf = await leafOf(a, {}, evil.keys.tls)
    expect(await refusalOf(peer, leaf)).toMatch(/not signed by the CA/)
  })

  test('of a domain that cannot be discovered', async () => {
    const missing = new MailxError('NO_MAILX_RECORD', 'evil.test has none')
    const peer = await listening(b, [], { authorityOf: () => Promise.reject(missing) })
    expect(await refusalOf(peer, await evil.leaf())).toMatch(/evil\.test has none/)
    expect(peer.rejections[0]?.reason.code).toBe('NO_MAILX_RECORD')
  })

  test('that the policy keeps out, without asking its DNS', async () => {
    const asked = vi.fn<() => never>()
    const peer = await listening(b, [a], { admit: denyAll, authorityOf: asked })
    expect(await refusalOf(peer, await a.leaf())).toMatch(/deny list/)
    expect(asked).not.toHaveBeenCalled()
  })

  test('whose discovery takes too long', async () => {
    const peer = await listening(b, [], {
      authorityOf: () => new Promise(() => undefined),
      limits: { verdictMs: 50 },
    })
    expect(await refusalOf(peer, await a.leaf())).toMatch(/not discovered in 50 ms/)
  })

  test('without a certificate', async () => {
    const peer = await listening(b, [a])
    const { failure } = await rawTls({ port: peer.listener.port, servername: 'b.test' })
    await failure
    await vi.waitFor(() => expect(peer.rejections).toHaveLength(1))
    expect(peer.rejections[0]?.reason.message).toMatch(/presented no certificate/)
  })

  test('that speaks TLS 1.2', async () => {
    const peer = await listening(b, [a])
    const { certPem: cert, keyPem: key } = await a.leaf()
    const port = peer.listener.port
    const { failure } = await rawTls({
      port,
      servername: 'b.test',
      cert,
      key,
      maxVersion: 'TLSv1.2',
    })
    expect(await failure).toMatch(/PROTOCOL_VERSION/)
    await vi.waitFor(() => expect(peer.rejections).toHaveLength(1))
    expect(peer.rejections[0]?.reason.message).toMatch(/does not speak TLS 1\.3/)
  })

  test.each([['c.test'], ['B.TEST.']])(
    'that asks for %s, which is not hosted',
    async (servername) => {
      const peer = await listening(b, [a])
      const { certPem: cert, keyPem: key } = await a.leaf()
      const { failure } = await rawTls({ port: peer.listener.port, servername, cert, key })
      await failure
      await vi.waitFor(() => expect(peer.rejections).toHaveLength(1))
      expect(peer.rejections[0]?.reason.message).toMatch(/not hosted here/)
    },
  )

  test('that names no domain (no SNI)', async () => {
    const peer = await listening(b, [a])
    const { certPem: cert, keyPem: key } = await a.leaf()
    const { failure } = await rawTls({ port: peer.listener.port, cert, key })
    expect(await failure).not.toBe('')
    expect(peer.listener.connections()).toEqual([])
  })

  test('that does not speak HTTP/2', async () => {
    const peer = await listening(b, [a])
    const { certPem: cert, keyPem: key } = await a.leaf()
    const port = peer.listener.port
    const { failure } = await rawTls({ port, servername: 'b.test', cert, key, ALPNProtocols: [] })
    await failure
    await vi.waitFor(() => expect(peer.rejections).toHaveLength(1))
    expect(peer.rejections[0]?.reason.message).toMatch(/HTTP\/2/)
  })

  test('that resumes a session of an earlier connection', async () => {
    const peer = await listening(b, [a])
    const { certPem: cert, keyPem: key } = await a.leaf()
    const options = { port: peer.listener.port, servername: 'b.test', cert, key }
    const first = await rawTls(options)
    const ticket = new Promise<Buffer | undefined>((resolve) => {
      first.socket.once('session', resolve)
      first.socket.once('close', () => resolve(undefined))
    })
    await vi.waitFor(() => expect(peer.listener.connections()).toHaveLength(1))
    first.socket.destroy()
    const session = await ticket
    const second = await rawTls({ ...options, ...(session && { session }) })
    await once(second.socket, 'secureConnect')
    expect(second.socket.isSessionReused()).toBe(false)
  })

  test('that says nothing after TCP', async () => {
    const peer = await listening(b, [a], { limits: { handshakeMs: 100 } })
    const socket = connectTcp(peer.listener.port, '127.0.0.1')
    cleanups.push(() => socket.destroy())
    await once(socket.resume(), 'close')
    await vi.waitFor(() => expect(peer.rejections).toHaveLength(1))
    expect(peer.rejections[0]?.reason.message).toMatch(/took too long/)
  })

  test('that proves who it is and then never authorizes', async () => {
    const peer = await listening(b, [a], { limits: { authorizeMs: 100 } })
    const channel = await dial(await a.leaf(), peer.listener.port)
    await channel.closed
    expect(peer.rejections[0]?.reason).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('when too many others wait for their verdict', async () => {
    const peer = await listening(b, [a], { limits: { unverifiedPerAddress: 1 } })
    const first = connectTcp(peer.listener.port, '127.0.0.1')
    cleanups.push(() => first.destroy())
    await once(first, 'connect')
    await expect(dial(await a.leaf(), peer.listener.port)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    expect(peer.rejections[0]?.reason).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    first.destroy()
    await vi.waitFor(async () => dial(await a.leaf(), peer.listener.port))
  })
})

describe('the dialler refuses a listener', () => {
  test.each(faults)('with a certificate %s', async (_, fault, reason) => {
    const peer = await listening(b, [a])
    peer.setCertificate(await leafOf(b, fault))
    await expect(dial(await a.leaf(), peer.listener.port)).rejects.toMatchObject({
      code: 'PEER_NOT_AUTHENTIC',
      message: expect.stringMatching(reason),
    })
  })

  test('whose certificate another domain’s CA signed', async () => {
    const peer = await listening(b, [a])
    peer.setCertificate(await leafOf(b, {}, evil.keys.tls))
    await expect(dial(await a.leaf(), peer.listener.port)).rejects.toMatchObject({
      code: 'PEER_NOT_AUTHENTIC',
      message: expect.stringMatching(/not signed by the CA/),
    })
  })

  test('that is another domain, for all its own certificate is good', async () => {
    const peer = await listening(evil, [a], { certificateOf: () => certificate })
    const certificate = await evil.leaf()
    await expect(dial(await a.leaf(), peer.listener.port, b)).rejects.toMatchObject({
      code: 'PEER_NOT_AUTHENTIC',
      message: expect.stringMatching(/not for b\.test/),
    })
  })

  test('that speaks TLS 1.2 only', async () => {
    const { certPem: cert, keyPem: key } = await b.leaf()
    const server = createServer({ cert, key, maxVersion: 'TLSv1.2', ALPNProtocols: ['h2'] })
    server.on('tlsClientError', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanups.push(() => server.close())
    const { port } = server.address() as { port: number }
    await expect(dial(await a.leaf(), port)).rejects.toMatchObject({
      code: 'PEER_NOT_AUTHENTIC',
      message: expect.stringMatching(/does not speak TLS 1\.3/),
    })
  })

  test('that is not there', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    server.close()
    await once(server, 'close')
    await expect(dial(await a.leaf(), port)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/cannot connect to b\.test/),
    })
  })
})

test('a peer with a new CA is looked up anew once, and then taken', async () => {
  const renewed = await makeDomain('a.test', { domainKey: a.domainKey })
  const fresh: boolean[] = []
  const peer = await listening(b, [a], {
    authorityOf: (_, again) => {
      fresh.push(again)
      return Promise.resolve(authorityOf((again ? renewed : a).document, now()))
    },
  })
  await dial(await renewed.leaf(), peer.listener.port)
  expect(fresh).toEqual([false, true])
  await expect(dial(await renewed.leaf(), peer.listener.port)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
  expect(fresh).toEqual([false, true, false])
})

describe('renewal', () => {
  test('of the listener’s leaf leaves an open stream alone, and new connections see the new leaf', async () => {
    const peer = await listening(b, [a])
    const channel = await dial(await a.leaf(), peer.listener.port)
    await authorize(channel)
    const { send } = openStream(channel)
    expect(await send(1n)).toBe(1n)

    const renewed = await b.leaf()
    peer.setCertificate(renewed)
    const { certPem: cert, keyPem: key } = await a.leaf()
    const seen = connect({
      host: '127.0.0.1',
      port: peer.listener.port,
      servername: 'b.test',
      cert,
      key,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    }) as TLSSocket
    cleanups.push(() => seen.destroy())
    await once(seen, 'secureConnect')
    expect(seen.getPeerX509Certificate()?.toString()).toBe(renewed.certPem)

    expect(await send(2n)).toBe(2n)
    await peer.listener.review()
    expect(await send(3n)).toBe(3n)
  })

  test('that does not happen ends the connection when the dialler’s leaf expires', async () => {
    let at = now()
    const peer = await listening(b, [a], { now: () => at })
    const channel = await dial(await a.leaf(), peer.listener.port)
    await authorize(channel)
    at += 6 * DAY_MS
    await peer.listener.review()
    expect(peer.listener.connections()).toHaveLength(1)
    at += DAY_MS
    await peer.listener.review()
    await channel.closed
    expect(peer.rejections[0]?.reason.message).toMatch(/expired/)
  })
})

test('a peer that the policy shuts out later is cut off at the next review', async () => {
  let admit: (domain: string) => void = allowAll
  const peer = await listening(b, [a], { admit: (domain) => admit(domain) })
  const channel = await dial(await a.leaf(), peer.listener.port)
  await authorize(channel)
  admit = denyAll
  await peer.listener.review()
  await channel.closed
  expect(peer.rejections[0]?.reason).toMatchObject({ code: 'PEER_NOT_ALLOWED' })
})

test('a lost connection is not opened anew behind the caller’s back', async () => {
  const peer = await listening(b, [a])
  const channel = await dial(await a.leaf(), peer.listener.port)
  await authorize(channel)
  peer.listener.connections()[0]?.close()
  await channel.closed
  const client = channel.client(DeliveryServiceClient)
  await expect(callUnary(client.getServerInfo, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(peer.listener.connections()).toEqual([])
})
