import { createSecureContext } from 'node:tls'
import { credentials, Metadata } from '@grpc/grpc-js'
import { readConfig } from '@mailx/config/read-config'
import { toBase64 } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { encodeEvent } from '@mailx/events/codec'
import { domainEvents, userEvents } from '@mailx/events/identity'
import { callUnary, connectGrpc } from '@mailx/grpc/client'
import type { CallSettings } from '@mailx/grpc/client-call'
import { plainGrpc } from '@mailx/grpc/internal-grpc'
import { ClientServiceClient, type Submission } from '@mailx/proto/client/v1/client_service'
import { openConnections } from '@mailx/runtime/connections'
import { type SessionToken, sealSessionToken } from '@mailx/statement/session-token'
import { createLogger } from '@mailx/telemetry/logger'
import { eventually } from '@mailx/testing/eventually'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { GatewayConfig } from '../config.ts'
import { startGateway } from '../service.ts'
import { caOf, startFakeIdentity } from './fake-identity.ts'

export type GatewayRig = Awaited<ReturnType<typeof startRig>>

/** An address where nothing listens. */
const NOBODY = '127.0.0.1:1'

export const deviceId = new Uint8Array(16).fill(1)

const signedIn = (token: Uint8Array): { metadata: Metadata } => {
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${toBase64(token)}`)
  return { metadata }
}

/** A gateway on real servers for a.test, with users made by events and tokens sealed by hand. */
export async function startRig(env: Readonly<Record<string, string>> = {}) {
  const [postgres, nats, redis, identity] = await Promise.all([
    testPostgres(),
    testNats(),
    testRedis(),
    startFakeIdentity(),
  ])
  const busKey = randomBytes(32)
  const sessionKey = randomBytes(32)
  const config = readConfig(GatewayConfig, {
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    REDIS_URL: redis.url,
    BUS_KEY: toBase64(busKey),
    SESSION_KEY: toBase64(sessionKey),
    IDENTITY_ADDRESS: identity.address,
    DIRECTORY_ADDRESS: NOBODY,
    STORAGE_ADDRESS: NOBODY,
    CLIENT_LISTEN: '127.0.0.1:0',
    HTTPS_LISTEN: '127.0.0.1:0',
    SHUTDOWN_GRACE_MS: '500',
    LOG_PARTITIONS: '2',
    NODE_ENV: 'test',
    ...env,
  })
  const logger = createLogger({ service: 'gateway', level: 'fatal' })
  const { signal } = new AbortController()
  const clock = { aheadMs: 0 }
  const open = await openConnections(config, 'gateway', { logger, signal })
  const { log } = open.connections
  const service = await startGateway({
    ...open.connections,
    config,
    now: () => Date.now() + clock.aheadMs,
    internal: plainGrpc,
    random: randomBytes,
    logger,
  })
  const address = String(service.addresses['client'])

  async function hostDomain(domain: string): Promise<void> {
    const data = {
      domain,
      publicKey: randomBytes(32),
      createdAtUnixMs: 1n,
      opening: randomBytes(32),
    }
    await log.append({
      context: 'identity',
      key: domain,
      stream: `domain/${domain}`,
      expectedVersion: 0,
      events: [encodeEvent(domainEvents, { type: 'DomainCreated', data })],
    })
    await eventually(() => service.ready().ready)
  }
  await hostDomain('a.test')
  const client = await connect('a.test')

  async function connect(domain: string): Promise<ClientServiceClient> {
    const context = createSecureContext({ ca: await caOf(domain), minVersion: 'TLSv1.3' })
    const channel = credentials.createFromSecureContext(context, {
      checkServerIdentity: (_host, { subjectaltname }) =>
        subjectaltname === `DNS:${domain}` ? undefined : new Error(`it is ${subjectaltname}`),
    })
    return connectGrpc(ClientServiceClient, address, {
      credentials: channel,
      options: { 'grpc.ssl_target_name_override': domain, 'grpc.default_authority': domain },
    })
  }

  const tokenFor = (user: string, over: Partial<SessionToken> = {}) =>
    sealSessionToken(
      {
        address: user,
        deviceId,
        sessionId: randomBytes(16),
        issuedAt: Date.now(),
        expiresAt: Date.now() + 60_000,
        ...over,
      },
      [sessionKey],
    )
  const asAlice = signedIn(tokenFor('alice@a.test'))

  return {
    ...open.connections,
    config,
    busKey,
    identity,
    /** How far the gateway's clock is ahead. */
    clock,
    service,
    client,
    address,
    connect,
    hostDomain,
    tokenFor,
    signedIn,
    asAlice,
    /** A device list of the user; version 1 comes with the registration. */
    publishList: (user: string, version: number, devices: readonly Uint8Array[]) =>
      publishList(log, user, version, devices),
    submit: (submission: Submission, settings: CallSettings = asAlice) =>
      callUnary(client.submit, submission, settings),
    /** Every position of the log, to show that nothing was appended. */
    heads: async () =>
      (await log.heads()).map(({ partition, position }) => `${partition} ${position}`).join(),
    async stop() {
      client.close()
      await service.stop()
      await open.close()
      await identity.stop()
      await Promise.all([postgres.drop(), nats.drop(), redis.drop()])
    },
  }
}

type Log = Awaited<ReturnType<typeof openConnections>>['connections']['log']

const device = (id: Uint8Array) => ({
  id,
  name: 'device',
  signingKey: randomBytes(32),
  encryptionKey: randomBytes(32),
  addedAtUnixMs: 1n,
  mailbox: false,
})

async function publishList(
  log: Log,
  user: string,
  version: number,
  devices: readonly Uint8Array[],
): Promise<void> {
  const data = {
    address: user,
    deviceList: {
      address: user,
      version,
      previousHash: new Uint8Array(32),
      devices: devices.map(device),
      userSignature: randomBytes(64),
    },
    deviceListOpening: randomBytes(32),
    identity: undefined,
    identityOpening: randomBytes(32),
  }
  await log.append({
    context: 'identity',
    key: user.slice(user.indexOf('@') + 1),
    stream: `user/${user}`,
    expectedVersion: 'any',
    events: [encodeEvent(userEvents, { type: 'DeviceListPublished', data })],
  })
}
