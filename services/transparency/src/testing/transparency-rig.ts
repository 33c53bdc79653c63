import { readConfig } from '@mailx/config/read-config'
import { toBase64 } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { type SigningKeyPair, signingKeyPair } from '@mailx/crypto/sign'
import { encodeEvent } from '@mailx/events/codec'
import { type IdentityEvent, identityEvents } from '@mailx/events/identity'
import { connectGrpc } from '@mailx/grpc/client'
import { plainGrpc } from '@mailx/grpc/internal-grpc'
import { type ServedGrpc, serveGrpc } from '@mailx/grpc/serve'
import { unary } from '@mailx/grpc/unary'
import { leavesOf } from '@mailx/keys/key-log-leaf'
import { keyLogOrigin } from '@mailx/keys/key-log-origin'
import { type Checkpoint, parseCheckpoint } from '@mailx/merkle/checkpoint'
import { openNote } from '@mailx/merkle/note'
import { leafHash } from '@mailx/merkle/tree-hash'
import {
  type CertifyOperationalKeyRequest,
  type CertifyOperationalKeyResponse,
  IdentityServiceService,
} from '@mailx/proto/identity/v1/identity_service'
import { TransparencyServiceClient } from '@mailx/proto/transparency/v1/transparency_service'
import { openConnections } from '@mailx/runtime/connections'
import type { RunningService } from '@mailx/runtime/running-service'
import { createLogger } from '@mailx/telemetry/logger'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { TransparencyConfig } from '../config.ts'
import { startTransparency } from '../service.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export type Replica = {
  readonly service: RunningService
  readonly client: TransparencyServiceClient
  /** What it logged, one object a line. */
  readonly lines: { readonly msg: string; readonly alarm?: string; readonly level: string }[]
}

export type TransparencyRig = Awaited<ReturnType<typeof transparencyRig>>

/** Transparency on real servers, with the test in the place of identity. */
export async function transparencyRig() {
  const [postgres, nats, redis] = await Promise.all([testPostgres(), testNats(), testRedis()])
  const { signal } = new AbortController()
  const silent = createLogger({ service: 'test', level: 'silent' })
  const certified = new Map<string, Uint8Array>()
  const identity = await standInIdentity(certified)
  const env = {
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    REDIS_URL: redis.url,
    BUS_KEY: toBase64(new Uint8Array(32).fill(2)),
    KEY_ENCRYPTION_KEY: toBase64(new Uint8Array(32).fill(3)),
    TRANSPARENCY_ADDRESS: '127.0.0.1:0',
    IDENTITY_ADDRESS: identity.address,
    CHECKPOINT_INTERVAL_MS: '50',
  }
  const config = readConfig(TransparencyConfig, env)
  const open = await openConnections(config, 'test', { logger: silent, signal })
  const clock = { offset: 0 }
  const replicas: Replica[] = []

  return {
    ...open.connections,
    clock,
    append: (domain: string, events: readonly IdentityEvent[]) =>
      open.connections.log.append({
        context: 'identity',
        key: domain,
        stream: `domain/${domain}`,
        expectedVersion: 'any',
        events: events.map((event) => encodeEvent(identityEvents, event)),
      }),
    start: async (): Promise<Replica> => {
      const lines: Replica['lines'] = []
      const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
      const service = await startTransparency({
        ...open.connections,
        config,
        now: () => Date.now() + clock.offset,
        internal: plainGrpc,
        random: randomBytes,
        logger: createLogger({ service: 'transparency', level: 'info', destination }),
      })
      const client = connectGrpc(TransparencyServiceClient, String(service.addresses['grpc']))
      const replica = { service, client, lines }
      replicas.push(replica)
      return replica
    },
    /** Opens a note by the key that was certified for the domain. */
    openNote: (note: string, domain: string): Checkpoint => {
      const publicKey = certified.get(domain) ?? new Uint8Array(32)
      return parseCheckpoint(openNote(note, [{ name: keyLogOrigin(domain), publicKey }]).text)
    },
    stop: async () => {
      for (const { client, service } of replicas) {
        client.close()
        await service.stop()
      }
      await identity.stop()
      await open.close()
      await Promise.all([postgres.drop(), nats.drop(), redis.drop()])
    },
  }
}

/** Certifies every `log` key, as identity would for domains that it hosts. */
function standInIdentity(certified: Map<string, Uint8Array>): Promise<ServedGrpc> {
  const certifyOperationalKey = unary<CertifyOperationalKeyRequest, CertifyOperationalKeyResponse>(
    async ({ domain, publicKey }) => {
      certified.set(domain, publicKey)
      return {
        kid: 'log-1',
        notBeforeUnixMs: BigInt(Date.now() - DAY_MS),
        notAfterUnixMs: BigInt(Date.now() + 89 * DAY_MS),
        signature: new Uint8Array(64),
      }
    },
  )
  const logger = createLogger({ service: 'identity', level: 'silent' })
  return serveGrpc({
    listen: '127.0.0.1:0',
    services: [{ definition: IdentityServiceService, implementation: { certifyOperationalKey } }],
    telemetry: { service: 'identity', logger },
  })
}

const newKey = (): SigningKeyPair => signingKeyPair(randomBytes(32))

/** Events that make one leaf each. */
export const domainCreated = (domain: string): IdentityEvent => ({
  type: 'DomainCreated',
  data: {
    domain,
    publicKey: newKey().publicKey,
    createdAtUnixMs: BigInt(Date.now()),
    opening: randomBytes(32),
  },
})

export const keyCertified = (domain: string): IdentityEvent => ({
  type: 'OperationalKeyCertified',
  data: {
    domain,
    kid: 'deliver-1',
    use: 'deliver',
    publicKey: newKey().publicKey,
    notBeforeUnixMs: BigInt(Date.now()),
    notAfterUnixMs: BigInt(Date.now() + DAY_MS),
    signature: randomBytes(64),
    holder: 'outbound-federation',
    opening: randomBytes(32),
    caCertificate: '',
  },
})

export const hashesOf = (events: readonly IdentityEvent[]): Uint8Array[] =>
  events.flatMap((event) => leavesOf(event)).map(({ leaf }) => leafHash(leaf))
