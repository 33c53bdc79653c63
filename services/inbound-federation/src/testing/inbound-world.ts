import { readConfig } from '@mailx/config/read-config'
import { randomBytes } from '@mailx/crypto/random'
import { decodeEvent, encodeEvent } from '@mailx/events/codec'
import { identityEvents } from '@mailx/events/identity'
import { mailboxEvents } from '@mailx/events/mailbox'
import { receptionEvents } from '@mailx/events/reception'
import { authorizePeer } from '@mailx/federation/authorize-peer'
import { dialPeer, type PeerChannel } from '@mailx/federation/dial-peer'
import { authorityOf } from '@mailx/federation/peer-authority'
import { type MadeDomain, makeDomain } from '@mailx/federation/testing/made-domain'
import { plainGrpc } from '@mailx/grpc/internal-grpc'
import { DomainCreated, UserRegistered } from '@mailx/proto/identity/v1/events'
import { MailboxFilled } from '@mailx/proto/mailbox/v1/events'
import type { MessageReceived } from '@mailx/proto/reception/v1/events'
import { openConnections } from '@mailx/runtime/connections'
import type { RunningService } from '@mailx/runtime/running-service'
import { createLogger } from '@mailx/telemetry/logger'
import { eventually } from '@mailx/testing/eventually'
import { tcpProxy } from '@mailx/testing/tcp-proxy'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { InboundFederationConfig } from '../config.ts'
import { startInboundFederation } from '../service.ts'
import { fakeNeighbours } from './fake-neighbours.ts'

const key32 = () => Buffer.from(randomBytes(32)).toString('base64')

/** b.test as a running service on real servers, a.test and evil.test as domains to dial it from. */
export async function inboundWorld(env: Readonly<Record<string, string>> = {}) {
  const [postgres, nats, redis] = await Promise.all([testPostgres(), testNats(), testRedis()])
  const [a, b, evil] = await Promise.all(
    ['a.test', 'b.test', 'evil.test'].map((d) => makeDomain(d)),
  )
  if (!a || !b || !evil) throw new Error('no domains')
  const neighbours = await fakeNeighbours([b], [a, evil])
  const [toPostgres, toRedis] = await Promise.all([
    tcpProxy({ target: postgres.url }),
    tcpProxy({ target: redis.url }),
  ])
  const config = readConfig(InboundFederationConfig, {
    DATABASE_URL: toPostgres.through(postgres.url),
    NATS_URL: nats.url,
    REDIS_URL: toRedis.through(redis.url),
    BUS_KEY: key32(),
    KEY_ENCRYPTION_KEY: key32(),
    LOG_PARTITIONS: '2',
    PEER_LISTEN: '127.0.0.1:0',
    INBOUND_ADDRESS: '127.0.0.1:0',
    IDENTITY_ADDRESS: neighbours.address,
    DIRECTORY_ADDRESS: neighbours.address,
    TRANSPARENCY_ADDRESS: neighbours.address,
    NODE_ENV: 'test',
    SHUTDOWN_GRACE_MS: '200',
    ...env,
  })
  const logger = createLogger({ service: 'test', level: 'silent' })
  const stopping = new AbortController()
  const open = await openConnections(config, 'test', { logger, signal: stopping.signal })
  const { log } = open.connections
  const deps = {
    ...open.connections,
    config,
    internal: plainGrpc,
    now: Date.now,
    random: randomBytes,
    logger,
  }

  const tell = (
    context: string,
    key: string,
    codecs: typeof identityEvents | typeof mailboxEvents,
    event: { type: string; data: unknown },
  ) =>
    log.append({
      context,
      key,
      stream: `${context}/${key}/${event.type}`,
      expectedVersion: 'any',
      events: [encodeEvent(codecs, event)],
    })
  const hostDomain = (domain: string) =>
    tell('identity', domain, identityEvents, {
      type: 'DomainCreated',
      data: DomainCreated.fromPartial({ domain }),
    })
  const register = (address: string) =>
    tell('identity', address.split('@')[1] ?? '', identityEvents, {
      type: 'UserRegistered',
      data: UserRegistered.fromPartial({ address }),
    })
  const fill = (mailbox: string) =>
    tell('mailbox', mailbox, mailboxEvents, {
      type: 'MailboxFilled',
      data: MailboxFilled.fromPartial({ mailbox, usedBytes: 2n, quotaBytes: 1n }),
    })

  let service: RunningService
  const start = async () => {
    service = await startInboundFederation(deps)
    await eventually(() => service.ready().ready)
  }
  await hostDomain('b.test')
  await register('bob@b.test')
  await start()

  const channels: PeerChannel[] = []
  /** A connection of a peer that has not said who it is beyond its certificate. */
  const dial = async (peer: MadeDomain, to: MadeDomain = b) => {
    const port = Number(service.addresses['peers']?.split(':').at(-1))
    const channel = await dialPeer({
      authority: authorityOf(to.document, Date.now()),
      certificate: await peer.leaf(),
      addresses: ['127.0.0.1'],
      port,
      now: Date.now,
    })
    channels.push(channel)
    return channel
  }
  /** An authorized one. */
  const connect = async (peer: MadeDomain = a, to: MadeDomain = b) => {
    const channel = await dial(peer, to)
    await authorizePeer({
      channel,
      from: peer.domain,
      key: peer.keys.deliver,
      findKey: async (_, kid) => neighbours.certified.get(kid),
    })
    return channel
  }
  const receptions = async (): Promise<MessageReceived[]> => {
    const found: MessageReceived[] = []
    for (const { partition } of await log.heads('reception')) {
      for (const stored of await log.read({ partition, after: 0n, limit: 1000 })) {
        const event = decodeEvent(receptionEvents, stored)
        if (event !== undefined) found.push(event.data)
      }
    }
    return found
  }
  const projected = async (address: string) => {
    await eventually(async () => {
      const { rowCount } = await postgres.pool.query(
        'select from inbound.users where address = $1',
        [address],
      )
      return rowCount === 1
    })
  }
  await projected('bob@b.test')

  return {
    a,
    b,
    evil,
    neighbours,
    postgres,
    redis,
    toPostgres,
    toRedis,
    log,
    nats: open.connections.nats,
    dial,
    connect,
    receptions,
    hostDomain,
    register,
    fill,
    projected,
    restart: async () => {
      await service.stop()
      await start()
    },
    stop: async () => {
      for (const channel of channels) channel.close()
      await service.stop()
      await open.close()
      await neighbours.stop()
      await Promise.all([toPostgres.stop(), toRedis.stop()])
      await Promise.all([postgres.drop(), nats.drop(), redis.drop()])
    },
  }
}

export type InboundWorld = Awaited<ReturnType<typeof inboundWorld>>
