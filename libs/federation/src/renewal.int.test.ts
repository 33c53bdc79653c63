import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import {
  DeliverStreamRequest,
  DeliveryServiceClient,
} from '@mailx/proto/delivery/v1/delivery_service'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { PeerChannel } from './dial-peer.ts'
import type { MadeDomain } from './testing/made-domain.ts'
import { type TlsWorld, tlsWorld } from './testing/tls-world.ts'

const now = Date.now
const DAY_MS = 24 * 60 * 60 * 1000

let world: TlsWorld
let a: MadeDomain
let b: MadeDomain
beforeAll(async () => {
  world = await tlsWorld()
  ;({ a, b } = world)
})
afterEach(() => world.cleanUp())

const openStream = (channel: PeerChannel) => {
  const stream = channel.client(DeliveryServiceClient).deliverStream()
  world.cleanups.push(() => stream.cancel())
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

describe('renewal', () => {
  test('of the listener’s leaf leaves an open stream alone, and new connections see the new leaf', async () => {
    const peer = await world.listening(b, [a])
    const channel = await world.dial(await a.leaf(), peer.listener.port)
    await world.authorize(channel)
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
    world.cleanups.push(() => seen.destroy())
    await once(seen, 'secureConnect')
    expect(seen.getPeerX509Certificate()?.toString()).toBe(renewed.certPem)

    expect(await send(2n)).toBe(2n)
    await peer.listener.review()
    expect(await send(3n)).toBe(3n)
  })

  test('that does not happen ends the connection when the dialler’s leaf expires', async () => {
    let at = now()
    const peer = await world.listening(b, [a], { now: () => at })
    const channel = await world.dial(await a.leaf(), peer.listener.port)
    await world.authorize(channel)
    at += 6 * DAY_MS
    await peer.listener.review()
    expect(peer.listener.connections()).toHaveLength(1)
    at += DAY_MS
    await peer.listener.review()
    await channel.closed
    expect(peer.rejections[0]?.reason.message).toMatch(/expired/)
  })
})
