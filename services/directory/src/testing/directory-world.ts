import { readConfig } from '@mailx/config/read-config'
import { randomBytes } from '@mailx/crypto/random'
import { decodeEvent, encodeEvent } from '@mailx/events/codec'
import { type DirectoryEvent, directoryEvents } from '@mailx/events/directory'
import { type IdentityEvent, identityEvents } from '@mailx/events/identity'
import { makeDomain } from '@mailx/federation/testing/made-domain'
import { wellKnownServer } from '@mailx/federation/testing/well-known-server'
import { connectGrpc } from '@mailx/grpc/client'
import { plainGrpc } from '@mailx/grpc/internal-grpc'
import { DirectoryServiceClient } from '@mailx/proto/directory/v1/directory_service'
import { openConnections } from '@mailx/runtime/connections'
import { createLogger } from '@mailx/telemetry/logger'
import { eventually } from '@mailx/testing/eventually'
import { tcpProxy } from '@mailx/testing/tcp-proxy'
import { testDns } from '@mailx/testing/test-dns'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { DirectoryConfig } from '../config.ts'
import { startDirectory } from '../service.ts'
import { fakeNeighbours } from './fake-neighbours.ts'
import { type MadeUser, makeUser } from './made-user.ts'

const key32 = () => Buffer.from(randomBytes(32)).toString('base64')

/** The service of a.test on real servers; b.test is out there, with its own DNS record and document. */
export async function directoryWorld(env: Readonly<Record<string, string>> = {}) {
  const [postgres, nats, redis, dns, a] = await Promise.all([
    testPostgres(),
    testNats(),
    testRedis(),
    testDns(),
    makeDomain('a.test'),
  ])
  const web = await wellKnownServer(await a.leaf())
  const http = { host: 'mailx.b.test', port: web.port }
  const peerEndpoint = `mailx.b.test:${web.port}`
  const b = await makeDomain('b.test', { http, peerEndpoint })
  const publish = (peer: { readonly txt: string; readonly documentBytes: Uint8Array }) => {
    web.serve(peer.documentBytes)
    dns.set([
      { name: '_mailx.b.test', type: 'TXT', data: peer.txt },
      { name: 'mailx.b.test', type: 'A', data: '127.0.0.1' },
    ])
  }
  publish(b)
  const neighbours = await fakeNeighbours(a)
  const toRedis = await tcpProxy({ target: redis.url })
  const clock = { offset: 0 }
  const config = readConfig(DirectoryConfig, {
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    REDIS_URL: toRedis.through(redis.url),
    BUS_KEY: key32(),
    LOG_PARTITIONS: '2',
    DIRECTORY_ADDRESS: '127.0.0.1:0',
    TRANSPARENCY_ADDRESS: neighbours.address,
    OUTBOUND_ADDRESS: neighbours.address,
    DNS_RESOLVER: dns.address,
    ALLOW_PRIVATE_PEERS: 'true',
    NODE_ENV: 'test',
    SHUTDOWN_GRACE_MS: '200',
    ...env,
  })
  const logger = createLogger({ service: 'test', level: 'silent' })
  const { signal } = new AbortController()
  const open = await openConnections(config, 'test', { logger, signal })
  const { log } = open.connections
  const now = () => Date.now() + clock.offset
  const service = await startDirectory({
    ...open.connections,
    config,
    now,
    internal: plainGrpc,
    random: randomBytes,
    logger,
  })
  const client = connectGrpc(DirectoryServiceClient, service.addresses['grpc'] ?? '')

  const record = (key: string, stream: string, event: IdentityEvent) =>
    log.append({
      context: 'identity',
      key,
      stream,
      expectedVersion: 'any',
      events: [encodeEvent(identityEvents, event)],
    })
  const domain = { domain: 'a.test', publicKey: a.domainKey.publicKey }
  const created = { ...domain, createdAtUnixMs: 1n, opening: randomBytes(32) }
  await record('a.test', 'domain/a.test', { type: 'DomainCreated', data: created })
  const published = {
    domain: 'a.test',
    serial: 1n,
    validUntilUnixMs: 1n,
    document: a.documentBytes,
  }
  await record('a.test', 'domain/a.test', { type: 'DomainDocumentPublished', data: published })

  /** A user of a.test; `covered` says whether the newest checkpoint has the keys. */
  const register = async (username: string, covered = true): Promise<MadeUser> => {
    const user = makeUser(a, username)
    await record('a.test', `user/${user.address}`, user.event)
    if (covered) neighbours.cover(user)
    await eventually(async () => {
      const { rowCount } = await postgres.pool.query(
        'select from directory.users join directory.documents using (domain) where address = $1',
        [user.address],
      )
      return rowCount === 1
    })
    return user
  }
  const events = async (): Promise<DirectoryEvent[]> => {
    const stored = await log.readStream({
      context: 'directory',
      key: 'b.test',
      stream: 'peer/b.test',
    })
    return stored.flatMap((event) => decodeEvent(directoryEvents, event) ?? [])
  }
  return {
    a,
    b,
    http,
    peerEndpoint,
    client,
    dns,
    web,
    neighbours,
    postgres,
    redis,
    toRedis,
    clock,
    publish,
    register,
    events,
    service,
    stop: async () => {
      client.close()
      await service.stop()
      await open.close()
      await Promise.all([neighbours.stop(), dns.stop(), web.stop(), toRedis.stop()])
      await Promise.all([postgres.drop(), nats.drop(), redis.drop()])
    },
  }
}

export type DirectoryWorld = Awaited<ReturnType<typeof directoryWorld>>
