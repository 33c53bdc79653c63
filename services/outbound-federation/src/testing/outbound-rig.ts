import { readConfig } from '@mailx/config/read-config'
import { toBase64, toHex } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { randomBytes } from '@mailx/crypto/random'
import { formatId, newId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import { decodeEvent, encodeEvent } from '@mailx/events/codec'
import { type DeliveryEvent, deliveryEvents } from '@mailx/events/delivery'
import { submissionEvents } from '@mailx/events/submission'
import { issueLeaf } from '@mailx/federation/peer-certificate'
import { type MadeDomain, makeDomain } from '@mailx/federation/testing/made-domain'
import { connectGrpc } from '@mailx/grpc/client'
import { serveGrpc } from '@mailx/grpc/serve'
import { unary } from '@mailx/grpc/unary'
import {
  DirectoryServiceService,
  type GetPeerRequest,
  Peer,
} from '@mailx/proto/directory/v1/directory_service'
import {
  type CertifyOperationalKeyRequest,
  type CertifyOperationalKeyResponse,
  IdentityServiceService,
  type IssueCertificateRequest,
  type IssueCertificateResponse,
} from '@mailx/proto/identity/v1/identity_service'
import { OutboundServiceClient } from '@mailx/proto/outbound/v1/outbound_service'
import { Route } from '@mailx/proto/submission/v1/events'
import { openConnections } from '@mailx/runtime/connections'
import type { RunningService } from '@mailx/runtime/running-service'
import { createLogger } from '@mailx/telemetry/logger'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { OutboundConfig } from '../config.ts'
import { startOutboundFederation } from '../service.ts'
import { type ScriptedPeer, scriptedPeer } from './scripted-peer.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const HOUR_MS = 60 * 60 * 1000

export type OutboundRig = Awaited<ReturnType<typeof outboundRig>>

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
    PEER_TIMEOUT_MS: '1500',
    PEER_DIAL_TIMEOUT_MS: '2000',
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

  return {
    ...open.connections,
    origin,
    undiscovered,
    eventsOf,
    typesOf: async (message: Submitted, recipient: string) =>
      (await eventsOf(message, recipient)).map(({ type }) => type),
    start: async (change: Record<string, string> = {}) => {
      const service = await startOutboundFederation({
        ...open.connections,
        config: readConfig(OutboundConfig, { ...env, ...change }),
        now: Date.now,
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
    /** A domain that the directory knows; it listens, with a script. */
    addPeer: async (name: string, port?: number): Promise<ScriptedPeer> => {
      const domain = domains.get(name) ?? (await makeDomain(name))
      domains.set(name, domain)
      const options = { domain, origin, originKeys, ...(port !== undefined && { port }) }
      const peer = await scriptedPeer(options)
      peers.set(name, peer)
      return peer
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

/** Certifies every key of a.test and issues its leaves. */
function identityOf(origin: MadeDomain, keys: Map<string, Uint8Array>) {
  const certifyOperationalKey = unary<CertifyOperationalKeyRequest, CertifyOperationalKeyResponse>(
    async ({ domain, publicKey }) => {
      if (domain !== origin.domain) throw new MailxError('NOT_FOUND', `${domain} is not hosted`)
      const kid = `deliver-${toHex(publicKey).slice(0, 8)}`
      keys.set(kid, publicKey)
      return {
        kid,
        notBeforeUnixMs: BigInt(Date.now() - HOUR_MS),
        notAfterUnixMs: BigInt(Date.now() + 90 * DAY_MS),
        signature: new Uint8Array(64),
      }
    },
  )
  const issueCertificate = unary<IssueCertificateRequest, IssueCertificateResponse>(
    async ({ domain, publicKeySpki }) => {
      const leaf = await issueLeaf({
        domain,
        keyPair: origin.keys.tls,
        publicKeySpki,
        now: Date.now(),
      })
      return {
        certificate: leaf.certificate,
        caCertificate: origin.caPem,
        notBeforeUnixMs: BigInt(leaf.notBefore),
        notAfterUnixMs: BigInt(leaf.notAfter),
      }
    },
  )
  return {
    definition: IdentityServiceService,
    implementation: { certifyOperationalKey, issueCertificate },
  }
}

type Known = {
  readonly domains: ReadonlyMap<string, MadeDomain>
  readonly peers: ReadonlyMap<string, ScriptedPeer>
  readonly undiscovered: ReadonlyMap<string, MailxError>
}

function directoryOf({ domains, peers, undiscovered }: Known) {
  const getPeer = unary<GetPeerRequest, Peer>(async ({ domain }) => {
    const reason = undiscovered.get(domain)
    if (reason !== undefined) throw reason
    const [known, peer] = [domains.get(domain), peers.get(domain)]
    if (known === undefined || peer === undefined) {
      throw new MailxError('DOMAIN_NOT_FOUND', `${domain} does not exist`)
    }
    return {
      ...Peer.create(),
      domain,
      publicKey: known.domainKey.publicKey,
      document: known.documentBytes,
      peerEndpoint: `mailx.${domain}:${peer.listener.port}`,
      addresses: ['127.0.0.1'],
      expiresAtUnixMs: BigInt(Date.now() + HOUR_MS),
    }
  })
  return { definition: DirectoryServiceService, implementation: { getPeer } }
}
