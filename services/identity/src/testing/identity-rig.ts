import { readConfig } from '@mailx/config/read-config'
import { encryptionKeyPair } from '@mailx/crypto/agreement'
import { toBase64 } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { type SigningKeyPair, signingKeyPair } from '@mailx/crypto/sign'
import { callUnary, connectGrpc } from '@mailx/grpc/client'
import { plainGrpc } from '@mailx/grpc/internal-grpc'
import { deviceListHash, makeDeviceList } from '@mailx/keys/device-list'
import { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import type { Device, DeviceList } from '@mailx/proto/keys/v1/keys'
import { type OpenConnections, openConnections } from '@mailx/runtime/connections'
import type { RunningService } from '@mailx/runtime/running-service'
import { signStatement } from '@mailx/statement/statement'
import { createLogger } from '@mailx/telemetry/logger'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { IdentityConfig } from '../config.ts'
import { startIdentity } from '../service.ts'

export const sessionKey = new Uint8Array(32).fill(1)

export type IdentityRig = {
  readonly open: OpenConnections
  /** The clock of every service of the rig: real time and what was added. */
  readonly clock: { offset: number }
  readonly env: Record<string, string>
  /** Another replica, or the same after a restart. */
  start(env?: Record<string, string>): Promise<Replica>
  stop(): Promise<void>
}

export type Replica = { readonly service: RunningService; readonly client: IdentityServiceClient }

export async function identityRig(): Promise<IdentityRig> {
  const [postgres, nats, redis] = await Promise.all([testPostgres(), testNats(), testRedis()])
  const logger = createLogger({ service: 'test', level: 'silent' })
  const env = {
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    REDIS_URL: redis.url,
    BUS_KEY: toBase64(new Uint8Array(32).fill(2)),
    SESSION_KEY: toBase64(sessionKey),
    KEY_ENCRYPTION_KEY: toBase64(new Uint8Array(32).fill(3)),
    IDENTITY_ADDRESS: '127.0.0.1:0',
  }
  const open = await openConnections(readConfig(IdentityConfig, env), 'test', {
    logger,
    signal: new AbortController().signal,
  })
  const clock = { offset: 0 }
  const replicas: Replica[] = []
  return {
    open,
    clock,
    env,
    start: async (more = {}) => {
      const service = await startIdentity({
        ...open.connections,
        config: readConfig(IdentityConfig, { ...env, ...more }),
        now: () => Date.now() + clock.offset,
        internal: plainGrpc,
        random: randomBytes,
        logger,
      })
      const client = connectGrpc(IdentityServiceClient, service.addresses['grpc'] ?? '')
      replicas.push({ service, client })
      return { service, client }
    },
    stop: async () => {
      for (const { client, service } of replicas) {
        client.close()
        await service.stop()
      }
      await open.close()
      await Promise.all([postgres.drop(), nats.drop(), redis.drop()])
    },
  }
}

export type TestUser = {
  readonly address: string
  readonly key: SigningKeyPair
  readonly device: TestDevice
  readonly list: DeviceList
}

export type TestDevice = { readonly listed: Device; readonly key: SigningKeyPair }

export function newDevice(now: number): TestDevice {
  const key = signingKeyPair(randomBytes(32))
  const listed: Device = {
    id: randomBytes(16),
    name: 'laptop',
    signingKey: key.publicKey,
    encryptionKey: encryptionKeyPair(randomBytes(32)).publicKey,
    addedAtUnixMs: BigInt(now),
    mailbox: false,
  }
  return { listed, key }
}

export function newUser(address: string, now = Date.now()): TestUser {
  const key = signingKeyPair(randomBytes(32))
  const device = newDevice(now)
  const list = makeDeviceList({ address, devices: [device.listed], userSecretKey: key.secretKey })
  return { address, key, device, list }
}

export function registration({ address, key, list }: TestUser, at = Date.now()) {
  const { publicKey, secretKey } = key
  const record = { address, publicKey, deviceListHash: deviceListHash(list), at }
  return {
    address,
    publicKey,
    atUnixMs: BigInt(at),
    possessionSignature: signStatement('possession', record, secretKey),
    deviceList: list,
  }
}

/** Asks for a challenge and signs it as the device would. */
export async function signedChallenge(
  client: IdentityServiceClient,
  address: string,
  { key, listed }: TestDevice,
) {
  const deviceId = listed.id
  const challenge = await callUnary(client.issueChallenge, { address, deviceId })
  const { expiresAtUnixMs, nonce } = challenge
  const record = { address, deviceId, nonce, expiresAt: expiresAtUnixMs }
  const signature = signStatement('session-challenge', record, key.secretKey)
  return { address, deviceId, nonce, expiresAtUnixMs, signature }
}
