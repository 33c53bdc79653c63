import { equal } from '@mailx/crypto/encoding'
import { makeDomain } from '@mailx/federation/testing/made-domain'
import { callUnary } from '@mailx/grpc/client'
import { formatTxt } from '@mailx/keys/txt-record'
import { eventually } from '@mailx/testing/eventually'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DirectoryWorld, directoryWorld } from './testing/directory-world.ts'

let world: DirectoryWorld
beforeEach(async () => {
  world = await directoryWorld()
})
afterEach(() => world.stop())

const HOUR_MS = 60 * 60 * 1000

const getPeer = (fresh = false, domain = 'b.test') =>
  callUnary(world.client.getPeer, { domain, fresh })

const flushRedis = async () => {
  const redis = new Redis(world.redis.url)
  await redis.flushdb()
  redis.disconnect()
}

const another = (change: object = {}) =>
  makeDomain('b.test', { http: world.http, peerEndpoint: world.peerEndpoint, ...change })

const asked = () => world.dns.queries.filter(({ type }) => type === 'TXT').length

test('a peer is discovered once, recorded, and remembered', async () => {
  const peer = await getPeer()
  expect(peer).toMatchObject({
    domain: 'b.test',
    peerEndpoint: world.peerEndpoint,
    source: 'dns',
    dnssec: 'insecure',
    addresses: ['127.0.0.1'],
  })
  expect(equal(peer.document, world.b.documentBytes)).toBe(true)
  expect(await getPeer()).toEqual(peer)
  expect(asked()).toBe(1)
  expect((await world.events()).map(({ type }) => type)).toEqual(['PeerDiscovered'])
})

test('what Redis forgets Postgres knows, and without Redis nothing changes', async () => {
  const peer = await getPeer()
  await flushRedis()
  expect(await getPeer()).toEqual(peer)
  world.toRedis.set('refuse')
  world.toRedis.cut()
  expect(await getPeer()).toEqual(peer)
  expect(asked()).toBe(1)
})

test('what somebody wrote into Redis is not believed', async () => {
  const peer = await getPeer()
  const redis = new Redis(world.redis.url)
  for (const key of await redis.keys('*')) {
    const copy = await redis.getBuffer(key)
    if (copy === null) continue
    copy[copy.length - 3] = (copy.at(-3) ?? 0) ^ 1
    await redis.set(key, copy)
  }
  redis.disconnect()
  expect(await getPeer()).toEqual(peer)
})

test('a fresh look asks again, and a newer document is recorded', async () => {
  await getPeer()
  world.publish(await another({ domainKey: world.b.domainKey, serial: 2 }))
  expect(await getPeer()).toMatchObject({ domain: 'b.test' })
  await getPeer(true)
  expect(asked()).toBe(2)
  expect((await world.events()).map(({ type }) => type)).toEqual([
    'PeerDiscovered',
    'PeerDiscovered',
  ])
})

test('callers who look at once share one discovery', async () => {
  await Promise.all(Array.from({ length: 10 }, () => getPeer()))
  expect(asked()).toBe(1)
})

describe('failures', () => {
  test('are told by their reason, and remembered for a while', async () => {
    world.dns.set([])
    await expect(getPeer()).rejects.toMatchObject({ code: 'DOMAIN_NOT_FOUND' })
    world.publish(world.b)
    await expect(getPeer()).rejects.toMatchObject({ code: 'DOMAIN_NOT_FOUND' })
    await flushRedis()
    await expect(getPeer()).rejects.toMatchObject({ code: 'DOMAIN_NOT_FOUND' })
    expect(asked()).toBe(1)
    world.clock.offset = 5 * 60_000 + 1
    await flushRedis()
    expect(await getPeer()).toMatchObject({ domain: 'b.test' })
  })

  test.each([
    ['NO_MAILX_RECORD', [{ name: 'b.test', type: 'A', data: '127.0.0.1' }]],
    ['BAD_MAILX_RECORD', [{ name: '_mailx.b.test', type: 'TXT', data: 'v=mailx1;k=x' }]],
  ] as const)('%s', async (code, records) => {
    world.dns.set(records)
    await expect(getPeer()).rejects.toMatchObject({ code })
  })

  test('BAD_DOMAIN_DOCUMENT: a document that the key in DNS did not sign', async () => {
    world.web.serve((await another()).documentBytes)
    await expect(getPeer()).rejects.toMatchObject({ code: 'BAD_DOMAIN_DOCUMENT' })
    expect(await world.events()).toEqual([])
  })

  test('DISCOVERY_FAILED: DNS does not answer', async () => {
    world.dns.fail('_mailx.b.test', 'SERVFAIL')
    await expect(getPeer()).rejects.toMatchObject({ code: 'DISCOVERY_FAILED' })
    world.dns.fail('_mailx.b.test')
    world.clock.offset = 60_001
    await flushRedis()
    expect(await getPeer()).toMatchObject({ domain: 'b.test' })
  })

  test('INVALID_DOMAIN: what is no domain is not looked for', async () => {
    await expect(getPeer(false, '127.0.0.1')).rejects.toMatchObject({ code: 'INVALID_DOMAIN' })
    expect(asked()).toBe(0)
  })
})

test('a peer that cannot be found anew is served on for a day, then no more', async () => {
  await getPeer()
  world.dns.set([])
  world.clock.offset = 2 * HOUR_MS
  await flushRedis()
  expect(await getPeer()).toMatchObject({ domain: 'b.test' })
  expect(asked()).toBe(2)
  world.clock.offset = 26 * HOUR_MS
  await flushRedis()
  await expect(getPeer()).rejects.toMatchObject({ code: 'DOMAIN_NOT_FOUND' })
})

test('an older document is not taken for a new one', async () => {
  world.publish(await another({ domainKey: world.b.domainKey, serial: 7 }))
  await getPeer()
  world.publish(world.b)
  const peer = await getPeer(true)
  expect(JSON.parse(new TextDecoder().decode(peer.document))).toMatchObject({ serial: 7 })
})

describe('a changed key', () => {
  test('is quarantined: the known one is served on, then KEY_CHANGED, until an operator pins', async () => {
    await getPeer()
    const stranger = await another()
    world.publish(stranger)
    expect(equal((await getPeer(true)).publicKey, world.b.domainKey.publicKey)).toBe(true)
    expect((await world.events()).map(({ type }) => type)).toEqual([
      'PeerDiscovered',
      'PeerQuarantined',
    ])
    await eventually(async () => {
      const { rows } = await world.postgres.pool.query(
        'select quarantined_key from directory.peers where quarantined_key is not null',
      )
      return rows.length === 1
    })

    world.clock.offset = 26 * HOUR_MS
    await expect(getPeer(true)).rejects.toMatchObject({ code: 'KEY_CHANGED' })

    const { publicKey } = stranger.domainKey
    const pin = { domain: 'b.test', publicKey, actor: 'operator' }
    await callUnary(world.client.pinPeer, pin)
    const peer = await getPeer()
    expect(peer.source).toBe('pin')
    expect(equal(peer.publicKey, publicKey)).toBe(true)

    world.publish(world.b)
    world.clock.offset = 52 * HOUR_MS
    await expect(getPeer(true)).rejects.toMatchObject({ code: 'BAD_DOMAIN_DOCUMENT' })
  })

  test('that the zone signs beside the old one is taken', async () => {
    await getPeer()
    const next = await another()
    const publicKeys = [world.b.domainKey.publicKey, next.domainKey.publicKey]
    world.publish({ ...next, txt: formatTxt({ publicKeys, endpoint: world.http }) })
    world.dns.setSecure('_mailx.b.test', true)
    const peer = await getPeer(true)
    expect(equal(peer.publicKey, next.domainKey.publicKey)).toBe(true)
    expect(peer.dnssec).toBe('secure')
  })
})

test.each([
  ['BAD_KEY', { publicKey: new Uint8Array(31), actor: 'operator' }],
  ['INVALID_ARGUMENT', { publicKey: new Uint8Array(32), actor: '' }],
])('a pin that is wrong is refused with %s', async (code, request) => {
  const pinning = callUnary(world.client.pinPeer, { domain: 'b.test', ...request })
  await expect(pinning).rejects.toMatchObject({ code })
})
