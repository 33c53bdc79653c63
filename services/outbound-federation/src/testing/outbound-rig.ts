import { readConfig } from '@mailx/config/read-config'
import { toBase64, toHex } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { randomBytes } from '@mailx/crypto/random'
import { formatId, newId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import { decodeEvent, encodeEvent } from '@mailx/events/codec'
import { type DeliveryEvent, deliveryEvents } from '@mailx/events/delivery'
import { submissionEvents } from '@mailx/events/submission'
import { type MadeDomain, makeDomain } from '@mailx/federation/testing/made-domain'
import { connectGrpc } from '@mailx/grpc/client'
import { plainGrpc } from '@mailx/grpc/internal-grpc'
import { serveGrpc } from '@mailx/grpc/serve'
import { OutboundServiceClient } from '@mailx/proto/outbound/v1/outbound_service'
import { Route } from '@mailx/proto/submission/v1/events'
import { openConnections } from '@mailx/runtime/connections'
import type { RunningService } from '@mailx/runtime/running-service'
import { createLogger } from '@mailx/telemetry/logger'
import { eventually } from '@mailx/testing/eventually'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { OutboundConfig } from '../config.ts'
import { startOutboundFederation } from '../service.ts'
import { directoryOf, identityOf } from './neighbours.ts'
import { type ScriptedPeer, scriptedPeer } from './scripted-peer.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export type OutboundRig = Awaited<ReturnType<typeof outboundRig>>
export type Outbound = Awaited<ReturnType<OutboundRig['start']>>

export type Submitted = {
  readonly messageId: Uint8Array
  readonly sender: string
  readonly recipients: readonly string[]
  readonly content: Uint8Array
  readonly attachments: readonly Uint8Array[]
}

export type Submission = {
  readonly from?: string
  readonly to: readonly string[]
  readonly contentBytes?: number
  readonly attachments?: number
  readonly expiresInMs?: number
  readonly withoutBlobs?: boolean
}

/** Outbound-federation of a.test on real servers; identity and directory are the test. */
export async function outboundRig(more: Record<string, string> = {}) {
  const [postgres, nats, redis] = await Promise.all([testPostgres(), testNats(), testRedis()])
  const logger = createLogger({ service: 'test', level: process.env['TEST_LOG'] ?? 'silent' })
  const origin = await makeDomain('a.test')
  const originKeys = new Map<string, Uint8Array>()
  const peers = new Map<string, ScriptedPeer>()
  const domains = new Map<string, MadeDomain>()
  /** What discovery says of domains that are not there. */
  const undiscovered = new Map<string, MailxError>()
  const neighbours = await serveGrpc({
    listen: '127.0.0.1:0',
    services: [identityOf(origin, originKeys), directoryOf({ domains, peers, undiscovered })],
    telemetry: { service: 'neighbours', logger },
  })
  const env = {
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    REDIS_URL: redis.url,
    BUS_KEY: toBase64(new Uint8Array(32).fill(2)),
    KEY_ENCRYPTION_KEY: toBase64(new Uint8Array(32).fill(3)),
    OUTBOUND_ADDRESS: '127.0.0.1:0',
    IDENTITY_ADDRESS: neighbours.address,
    DIRECTORY_ADDRESS: neighbours.address,
    RETRY_FIRST_MS: '50',
    RETRY_LONGEST_MS: '200',
    PEER_TIMEOUT_MS: '15000',
    PEER_DIAL_TIMEOUT_MS: '5000',
    SHUTDOWN_GRACE_MS: '500',
    ...more,
  }
  const config = readConfig(OutboundConfig, env)
  const open = await openConnections(config, 'test', {
    logger,
    signal: new AbortController().signal,
  })
  const { log } = open.connections
  const running = new Set<RunningService>()

  const eventsOf = async (
    { messageId, sender }: Submitted,
    recipient: string,
  ): Promise<DeliveryEvent[]> => {
    const key = recipient.slice(recipient.indexOf('@') + 1)
    const stream = `delivery/${formatId(messageId)}/${sender}/${recipient}`
    const stored = await log.readStream({ context: 'delivery', key, stream })
    return stored.flatMap((event) => decodeEvent(deliveryEvents, event) ?? [])
  }

  const typesOf = async (message: Submitted, recipient: string) =>
    (await eventsOf(message, recipient)).map(({ type }) => type)

  /** Everything recorded of a delivery, once it has its final outcome. */
  const outcomes = (message: Submitted, recipient: string) =>
    eventually(async () => {
      const types = await typesOf(message, recipient)
      const last = types.at(-1)
      if (last === 'DeliverySucceeded' || last === 'DeliveryBounced') return types
      throw new Error(`no final outcome: ${types.join()}`)
    })

  /** A domain that the directory knows; it listens, with a script. */
  const addPeer = async (name: string, port?: number): Promise<ScriptedPeer> => {
    const domain = domains.get(name) ?? (await makeDomain(name))
    domains.set(name, domain)
    const options = { domain, origin, originKeys, ...(port !== undefined && { port }) }
    const peer = await scriptedPeer(options)
    peers.set(name, peer)
    return peer
  }

  return {
    ...open.connections,
    undiscovered,
    eventsOf,
    typesOf,
    outcomes,
    addPeer,
    /** A peer that no other test talks to. */
    newPeer: async () => {
      const name = `p${domains.size + 1}.test`
      return { name, peer: await addPeer(name) }
    },
    recorded: (message: Submitted, recipient: string, type: DeliveryEvent['type']) =>
      eventually(async () => (await typesOf(message, recipient)).includes(type)),
    allDelivered: async (
      all: readonly { readonly message: Submitted; readonly recipient: string }[],
    ) => {
      for (const { message, recipient } of all) {
        await outcomes(message, recipient)
        const [first] = await eventsOf(message, recipient)
        if (first?.type === 'DeliverySucceeded') continue
        throw new Error(`${recipient}: ${first?.type}: ${first?.data.reason}`)
      }
    },
    start: async (change: Record<string, string> = {}) => {
      const service = await startOutboundFederation({
        ...open.connections,
        config: readConfig(OutboundConfig, { ...env, ...change }),
        now: Date.now,
        internal: plainGrpc,
        random: randomBytes,
        logger,
      })
      running.add(service)
      const client = connectGrpc(OutboundServiceClient, String(service.addresses['grpc']))
      return {
        service,
        client,
        stop: async () => {
          running.delete(service)
          client.close()
          await service.stop()
        },
      }
    },
    submit: async (submission: Submission): Promise<Submitted> => {
      const { from = 'alice@a.test', to, withoutBlobs = false } = submission
      const messageId = newId(Date.now(), randomBytes)
      const content = randomBytes(submission.contentBytes ?? 300)
      const envelopes = to.map(() => randomBytes(200))
      const attachments = Array.from({ length: submission.attachments ?? 0 }, () =>
        randomBytes(9_000),
      )
      const blobs = [content, ...envelopes, ...attachments].map((data) => ({
        hash: blake2b256(data),
        data,
      }))
      const data = {
        messageId,
        sender: from,
        senderDeviceId: randomBytes(16),
        createdAtUnixMs: BigInt(Date.now()),
        contentHash: blake2b256(content),
        contentSize: content.length,
        recipients: to.map((address, index) => ({
          address,
          envelopeHash: blake2b256(envelopes[index] as Uint8Array),
          envelopeSize: 200,
          route: address.endsWith('@a.test') ? Route.LOCAL : Route.REMOTE,
        })),
        attachments: attachments.map((part) => ({ hash: blake2b256(part), size: part.length })),
        expiresAtUnixMs: BigInt(Date.now() + (submission.expiresInMs ?? DAY_MS)),
      }
      await log.append({
        context: 'submission',
        key: from,
        stream: `submission/${formatId(messageId)}/${from}`,
        expectedVersion: 0,
        events: [encodeEvent(submissionEvents, { type: 'MessageAccepted', data })],
        blobs: withoutBlobs ? [] : blobs,
      })
      return { messageId, sender: from, recipients: to, content, attachments }
    },
    stop: async () => {
      for (const service of running) await service.stop()
      await Promise.all([...peers.values()].map((peer) => peer.stop()))
      await neighbours.stop({ graceMs: 0 })
      await open.close()
      await Promise.all([postgres.drop(), nats.drop(), redis.drop()])
    },
  }
}

export const idsOf = (peer: ScriptedPeer): string[] =>
  peer.received().map(({ delivery }) => toHex(delivery.messageId))
