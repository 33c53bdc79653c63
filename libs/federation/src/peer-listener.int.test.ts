import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'
import { MailxError } from '@mailx/errors/mailx-error'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { authorityOf } from './peer-authority.ts'
import type { PeerCertificate } from './peer-certificate.ts'
import type { ListeningPeer } from './testing/listening-peer.ts'
import { type MadeDomain, makeDomain } from './testing/made-domain.ts'
import { faults, leafOf, type TlsWorld, tlsWorld } from './testing/tls-world.ts'

const now = Date.now

let world: TlsWorld
let a: MadeDomain
let b: MadeDomain
let evil: MadeDomain
beforeAll(async () => {
  world = await tlsWorld()
  ;({ a, b, evil } = world)
})
afterEach(() => world.cleanUp())

const allowAll = () => undefined

const denyAll = (domain: string) => {
  throw new MailxError('PEER_NOT_ALLOWED', `${domain} is on the deny list`)
}

/** Dials, expects to be turned away, and gives the listener's reason. */
async function refusalOf(peer: ListeningPeer, certificate: PeerCertificate): Promise<string> {
  await expect(world.dial(certificate, peer.listener.port)).rejects.toMatchObject({
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
  world.cleanups.push(() => socket.destroy())
  const failure = new Promise<string>((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.once('close', () => resolve('closed'))
  })
  socket.resume()
  return { socket, failure }
}

describe('the listener refuses a dialler', () => {
  test.each(faults)('with a certificate %s', async (_, fault, reason) => {
    const peer = await world.listening(b, [a])
    expect(await refusalOf(peer, await leafOf(a, fault))).toMatch(reason)
  })

  test('whose certificate another domain’s CA signed', async () => {
    const peer = await world.listening(b, [a])
    const leaf = await leafOf(a, {}, evil.keys.tls)
    expect(await refusalOf(peer, leaf)).toMatch(/not signed by the CA/)
  })

  test('of a domain that cannot be discovered', async () => {
    const missing = new MailxError('NO_MAILX_RECORD', 'evil.test has none')
    const peer = await world.listening(b, [], { authorityOf: () => Promise.reject(missing) })
    expect(await refusalOf(peer, await evil.leaf())).toMatch(/evil\.test has none/)
    expect(peer.rejections[0]?.reason.code).toBe('NO_MAILX_RECORD')
  })

  test('that the policy keeps out, without asking its DNS', async () => {
    const asked = vi.fn<() => never>()
    const peer = await world.listening(b, [a], { admit: denyAll, authorityOf: asked })
    expect(await refusalOf(peer, await a.leaf())).toMatch(/deny list/)
    expect(asked).not.toHaveBeenCalled()
  })

  test('whose discovery takes too long', async () => {
    const peer = await world.listening(b, [], {
      authorityOf: () => new Promise(() => undefined),
      limits: { verdictMs: 50 },
    })
    expect(await refusalOf(peer, await a.leaf())).toMatch(/not discovered in 50 ms/)
  })

  test('without a certificate', async () => {
    const peer = await world.listening(b, [a])
    const { failure } = await rawTls({ port: peer.listener.port, servername: 'b.test' })
    await failure
    await vi.waitFor(() => expect(peer.rejections).toHaveLength(1))
    expect(peer.rejections[0]?.reason.message).toMatch(/presented no certificate/)
  })

  test('that speaks TLS 1.2', async () => {
    const peer = await world.listening(b, [a])
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
      const peer = await world.listening(b, [a])
      const { certPem: cert, keyPem: key } = await a.leaf()
      const { failure } = await rawTls({ port: peer.listener.port, servername, cert, key })
      await failure
      await vi.waitFor(() => expect(peer.rejections).toHaveLength(1))
      expect(peer.rejections[0]?.reason.message).toMatch(/not hosted here/)
    },
  )

  test('that names no domain (no SNI)', async () => {
    const peer = await world.listening(b, [a])
    const { certPem: cert, keyPem: key } = await a.leaf()
    const { failure } = await rawTls({ port: peer.listener.port, cert, key })
    expect(await failure).not.toBe('')
    expect(peer.listener.connections()).toEqual([])
  })

  test('that does not speak HTTP/2', async () => {
    const peer = await world.listening(b, [a])
    const { certPem: cert, keyPem: key } = await a.leaf()
    const port = peer.listener.port
    const { failure } = await rawTls({ port, servername: 'b.test', cert, key, ALPNProtocols: [] })
    await failure
    await vi.waitFor(() => expect(peer.rejections).toHaveLength(1))
    expect(peer.rejections[0]?.reason.message).toMatch(/HTTP\/2/)
  })

  test('that resumes a session of an earlier connection', async () => {
    const peer = await world.listening(b, [a])
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
    const peer = await world.listening(b, [a], { limits: { handshakeMs: 100 } })
    const socket = connectTcp(peer.listener.port, '127.0.0.1')
    world.cleanups.push(() => socket.destroy())
    await once(socket.resume(), 'close')
    await vi.waitFor(() => expect(peer.rejections).toHaveLength(1))
    expect(peer.rejections[0]?.reason.message).toMatch(/took too long/)
  })

  test('that proves who it is and then never authorizes', async () => {
    const peer = await world.listening(b, [a], { limits: { authorizeMs: 100 } })
    const channel = await world.dial(await a.leaf(), peer.listener.port)
    await channel.closed
    expect(peer.rejections[0]?.reason).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  test('when too many others wait for their verdict', async () => {
    const peer = await world.listening(b, [a], { limits: { unverifiedPerAddress: 1 } })
    const first = connectTcp(peer.listener.port, '127.0.0.1')
    world.cleanups.push(() => first.destroy())
    await once(first, 'connect')
    await expect(world.dial(await a.leaf(), peer.listener.port)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    })
    expect(peer.rejections[0]?.reason).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
    first.destroy()
    await vi.waitFor(async () => world.dial(await a.leaf(), peer.listener.port))
  })
})

test('a peer with a new CA is looked up anew once, and then taken', async () => {
  const renewed = await makeDomain('a.test', { domainKey: a.domainKey })
  const fresh: boolean[] = []
  const peer = await world.listening(b, [a], {
    authorityOf: (_, again) => {
      fresh.push(again)
      return Promise.resolve(authorityOf((again ? renewed : a).document, now()))
    },
  })
  await world.dial(await renewed.leaf(), peer.listener.port)
  expect(fresh).toEqual([false, true])
  await expect(world.dial(await renewed.leaf(), peer.listener.port)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
  expect(fresh).toEqual([false, true, false])
})

test('a peer that the policy shuts out later is cut off at the next review', async () => {
  let admit: (domain: string) => void = allowAll
  const peer = await world.listening(b, [a], { admit: (domain) => admit(domain) })
  const channel = await world.dial(await a.leaf(), peer.listener.port)
  await world.authorize(channel)
  admit = denyAll
  await peer.listener.review()
  await channel.closed
  expect(peer.rejections[0]?.reason).toMatchObject({ code: 'PEER_NOT_ALLOWED' })
})
