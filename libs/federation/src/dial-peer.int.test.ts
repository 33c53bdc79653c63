import { once } from 'node:events'
import { createServer } from 'node:tls'
import { callUnary } from '@mailx/grpc/client'
import { DeliveryServiceClient } from '@mailx/proto/delivery/v1/delivery_service'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { MadeDomain } from './testing/made-domain.ts'
import { faults, leafOf, type TlsWorld, tlsWorld } from './testing/tls-world.ts'

let world: TlsWorld
let a: MadeDomain
let b: MadeDomain
let evil: MadeDomain
beforeAll(async () => {
  world = await tlsWorld()
  ;({ a, b, evil } = world)
})
afterEach(() => world.cleanUp())

test('two domains connect, authorize each other, and the listener knows who calls', async () => {
  const peer = await world.listening(b, [a])
  const channel = await world.dial(await a.leaf(), peer.listener.port)
  expect(await world.authorize(channel)).toEqual({ protocol: 1 })
  const client = channel.client(DeliveryServiceClient)
  expect(await callUnary(client.getServerInfo, {})).toMatchObject({ domain: 'a.test' })
  const [connection] = peer.listener.connections()
  expect(connection).toMatchObject({ peer: 'a.test', local: 'b.test' })
  expect(connection?.exporter).toEqual(channel.exporter)
  expect(channel.exporter).toHaveLength(32)
})

describe('the dialler refuses a listener', () => {
  test.each(faults)('with a certificate %s', async (_, fault, reason) => {
    const peer = await world.listening(b, [a])
    peer.setCertificate(await leafOf(b, fault))
    await expect(world.dial(await a.leaf(), peer.listener.port)).rejects.toMatchObject({
      code: 'PEER_NOT_AUTHENTIC',
      message: expect.stringMatching(reason),
    })
  })

  test('whose certificate another domain’s CA signed', async () => {
    const peer = await world.listening(b, [a])
    peer.setCertificate(await leafOf(b, {}, evil.keys.tls))
    await expect(world.dial(await a.leaf(), peer.listener.port)).rejects.toMatchObject({
      code: 'PEER_NOT_AUTHENTIC',
      message: expect.stringMatching(/not signed by the CA/),
    })
  })

  test('that is another domain, for all its own certificate is good', async () => {
    const peer = await world.listening(evil, [a], { certificateOf: () => certificate })
    const certificate = await evil.leaf()
    await expect(world.dial(await a.leaf(), peer.listener.port, b)).rejects.toMatchObject({
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
    world.cleanups.push(() => server.close())
    const { port } = server.address() as { port: number }
    await expect(world.dial(await a.leaf(), port)).rejects.toMatchObject({
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
    await expect(world.dial(await a.leaf(), port)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/cannot connect to b\.test/),
    })
  })
})

test('a lost connection is not opened anew behind the caller’s back', async () => {
  const peer = await world.listening(b, [a])
  const channel = await world.dial(await a.leaf(), peer.listener.port)
  await world.authorize(channel)
  peer.listener.connections()[0]?.close()
  await channel.closed
  const client = channel.client(DeliveryServiceClient)
  await expect(callUnary(client.getServerInfo, {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(peer.listener.connections()).toEqual([])
})
