import { MailxError } from '@mailx/errors/mailx-error'
import { type MadeDomain, makeDomain } from '@mailx/federation/testing/made-domain'
import { connectGrpc } from '@mailx/grpc/client'
import { serveGrpc } from '@mailx/grpc/serve'
import { unary } from '@mailx/grpc/unary'
import {
  DirectoryServiceClient,
  DirectoryServiceService,
  type GetPeerRequest,
  Peer,
} from '@mailx/proto/directory/v1/directory_service'
import { createLogger } from '@mailx/telemetry/logger'
import { eventually } from '@mailx/testing/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ScriptedPeer, scriptedPeer } from '../testing/scripted-peer.ts'
import type { Origins } from './origin-credentials.ts'
import { type OpenLink, type PeerLinks, peerLinks } from './peer-links.ts'

const lane = { origin: 'a.test', peer: 'b.test' }

let a: MadeDomain
let b: MadeDomain
/** What the directory says of b.test, and how often it was asked for a fresh answer. */
let published: MadeDomain
let asked: { fresh: number; cached: number }
let peer: ScriptedPeer
let links: PeerLinks
const cleanups: (() => unknown)[] = []

beforeEach(async () => {
  ;[a, b] = await Promise.all([makeDomain('a.test'), makeDomain('b.test')])
  published = b
  asked = { fresh: 0, cached: 0 }
  const originKeys = new Map([[a.keys.deliver.kid, a.keys.deliver.publicKey]])
  peer = await scriptedPeer({ domain: b, origin: a, originKeys })
  const getPeer = unary<GetPeerRequest, Peer>(async ({ domain, fresh }) => {
    asked[fresh ? 'fresh' : 'cached'] += 1
    const { documentBytes: document } = fresh ? b : published
    const peerEndpoint = `mailx.b.test:${peer.listener.port}`
    return { ...Peer.create(), domain, document, peerEndpoint, addresses: ['127.0.0.1'] }
  })
  const logger = createLogger({ service: 'test', level: 'silent' })
  const served = await serveGrpc({
    listen: '127.0.0.1:0',
    services: [{ definition: DirectoryServiceService, implementation: { getPeer } }],
    telemetry: { service: 'directory', logger },
  })
  const directory = connectGrpc(DirectoryServiceClient, served.address)
  const origins: Origins = {
    credentialsOf: async () => ({ certificate: await a.leaf(), key: a.keys.deliver }),
    stop: async () => {},
  }
  links = peerLinks({
    directory,
    origins,
    now: Date.now,
    dialTimeoutMs: 2_000,
    responseTimeoutMs: 2_000,
    idleMs: 100,
  })
  cleanups.push(
    () => links.stop(),
    () => directory.close(),
    () => served.stop({ graceMs: 0 }),
    () => peer.stop(),
  )
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

const use = <Result>(work: (link: OpenLink) => Promise<Result>) =>
  links.use(lane, () => undefined, work)
const connections = () => peer.listener.connections().length

/** Work that goes on until it is told to end. */
function longWork() {
  const { promise, resolve } = Promise.withResolvers<void>()
  const started = Promise.withResolvers<OpenLink>()
  const done = use(async (link) => {
    started.resolve(link)
    await promise
  })
  return { started: started.promise, end: resolve, done }
}

test('works share one connection, which is closed after a while without any', async () => {
  await Promise.all([use(async () => {}), use(async () => {}), use(async () => {})])
  expect(peer.authorized).toBe(1)
  await use(async () => {})
  expect(peer.authorized).toBe(1)
  await eventually(() => connections() === 0)
  await use(async () => {})
  expect(peer.authorized).toBe(2)
})

test('a connection that is in use is not idle, however long it takes', async () => {
  const work = longWork()
  await work.started
  await use(async () => {})
  const since = performance.now()
  await eventually(() => performance.now() - since > 250)
  expect(connections()).toBe(1)
  work.end()
  await work.done
  await eventually(() => connections() === 0)
})

test('with a new certificate new work gets a new connection, and the old one ends its own first', async () => {
  const old = longWork()
  const oldLink = await old.started
  links.renew('a.test')
  const fresh = longWork()
  const freshLink = await fresh.started
  expect(freshLink.channel.exporter).not.toEqual(oldLink.channel.exporter)
  expect(connections()).toBe(2)
  old.end()
  await old.done
  await eventually(() => connections() === 1)
  fresh.end()
  await fresh.done
})

test('the certificate of another domain changes nothing', async () => {
  await use(async () => {})
  links.renew('other.test')
  await use(async () => {})
  expect(peer.authorized).toBe(1)
})

test('a peer whose certificate does not fit its document is asked for a newer one', async () => {
  published = await makeDomain('b.test', { domainKey: b.domainKey, serial: 0 })
  await use(async () => {})
  expect(peer.authorized).toBe(1)
  expect(asked).toEqual({ cached: 1, fresh: 1 })
})

test('a peer that is not who its document says is never talked to', async () => {
  published = b = await makeDomain('b.test')
  await expect(use(async () => {})).rejects.toMatchObject({ code: 'PEER_NOT_AUTHENTIC' })
  expect(peer.authorized).toBe(0)
})

test('everybody who waits hears why there is no connection, and the next one tries again', async () => {
  await peer.stop()
  const stages: string[] = []
  const waiting = [1, 2].map(() =>
    links.use(
      lane,
      (stage) => stages.push(stage),
      async () => {},
    ),
  )
  for (const settled of await Promise.allSettled(waiting)) {
    expect(settled).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } })
  }
  expect(new Set(stages)).toEqual(new Set(['discover', 'prepare', 'connect']))
  expect(asked.cached).toBe(1)
  await expect(use(async () => {})).rejects.toBeInstanceOf(MailxError)
  expect(asked.cached).toBe(2)
})
