import { type Account, createAccount } from '@mailx/client/account'
import { grpcTransport } from '@mailx/client/grpc-transport'
import { createKeyring } from '@mailx/client/keyring'
import { register } from '@mailx/client/register'
import { readConfig } from '@mailx/config/read-config'
import { toBase64 } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { DirectoryConfig } from '@mailx/directory-service/config'
import { startDirectory } from '@mailx/directory-service/service'
import { GatewayConfig } from '@mailx/gateway-service/config'
import { startGateway } from '@mailx/gateway-service/service'
import { callUnary, connectGrpc } from '@mailx/grpc/client'
import { plainGrpc } from '@mailx/grpc/internal-grpc'
import { IdentityConfig } from '@mailx/identity-service/config'
import { startIdentity } from '@mailx/identity-service/service'
import { openDocument } from '@mailx/keys/domain-document'
import { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import { openConnections } from '@mailx/runtime/connections'
import type { RunningService, ServiceDeps } from '@mailx/runtime/running-service'
import { StorageConfig } from '@mailx/storage-service/config'
import { startStorage } from '@mailx/storage-service/service'
import { createLogger } from '@mailx/telemetry/logger'
import { eventually } from '@mailx/testing/eventually'
import { tcpProxy } from '@mailx/testing/tcp-proxy'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { TransparencyConfig } from '@mailx/transparency-service/config'
import { startTransparency } from '@mailx/transparency-service/service'
import { Pool } from 'pg'

export const sessionKey = new Uint8Array(32).fill(1)

export type RealGateway = Awaited<ReturnType<typeof startRealGateway>>

/**
 * The gateway with every service that a local message needs, on real servers that it reaches through
 * proxies: a test takes one away with `set('refuse')` and `cut()`.
 */
export async function startRealGateway(env: Readonly<Record<string, string>> = {}) {
  const [postgres, nats, redis] = await Promise.all([testPostgres(), testNats(), testRedis()])
  const [toPostgres, toNats, toRedis] = await Promise.all(
    [postgres, nats, redis].map(({ url }) => tcpProxy({ target: url })),
  )
  if (!toPostgres || !toNats || !toRedis) throw new Error('a proxy is missing')
  const common: Record<string, string> = {
    DATABASE_URL: toPostgres.through(postgres.url),
    NATS_URL: toNats.through(nats.url),
    REDIS_URL: toRedis.through(redis.url),
    BUS_KEY: toBase64(new Uint8Array(32).fill(2)),
    SESSION_KEY: toBase64(sessionKey),
    KEY_ENCRYPTION_KEY: toBase64(new Uint8Array(32).fill(3)),
    HOSTED_DOMAINS: 'a.test',
    IDENTITY_ADDRESS: '127.0.0.1:0',
    TRANSPARENCY_ADDRESS: '127.0.0.1:0',
    DIRECTORY_ADDRESS: '127.0.0.1:0',
    STORAGE_ADDRESS: '127.0.0.1:0',
    OUTBOUND_ADDRESS: '127.0.0.1:1',
    CLIENT_LISTEN: '127.0.0.1:0',
    HTTPS_LISTEN: '127.0.0.1:0',
    CHECKPOINT_INTERVAL_MS: '50',
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    SHUTDOWN_GRACE_MS: '200',
    ...env,
  }
  const logger = createLogger({ service: 'test', level: 'silent' })
  const open = await openConnections(readConfig(StorageConfig, common), 'test', {
    logger,
    signal: new AbortController().signal,
  })
  const services: RunningService[] = []
  const start = async <Config>(
    run: (deps: ServiceDeps<Config>) => Promise<RunningService>,
    config: Config,
  ): Promise<RunningService> => {
    const service = await run({
      ...open.connections,
      config,
      now: Date.now,
      internal: plainGrpc,
      random: randomBytes,
      logger,
    })
    services.push(service)
    return service
  }
  const identityService = await start(startIdentity, readConfig(IdentityConfig, common))
  common['IDENTITY_ADDRESS'] = grpcOf(identityService)
  common['TRANSPARENCY_ADDRESS'] = grpcOf(
    await start(startTransparency, readConfig(TransparencyConfig, common)),
  )
  common['DIRECTORY_ADDRESS'] = grpcOf(
    await start(startDirectory, readConfig(DirectoryConfig, common)),
  )
  common['STORAGE_ADDRESS'] = grpcOf(await start(startStorage, readConfig(StorageConfig, common)))
  const gateway = await start(startGateway, readConfig(GatewayConfig, common))
  await eventually(() => gateway.ready().ready, { timeoutMs: 20_000 })

  const identity = connectGrpc(IdentityServiceClient, grpcOf(identityService))
  const { document } = await callUnary(identity.getDomainDocument, { domain: 'a.test' })
  const home = openDocument(document, { domain: 'a.test', now: Date.now() })
  const endpoint = String(gateway.addresses['client'])
  const direct = new Pool({ connectionString: postgres.url, max: 2 })
  const accounts: Account[] = []

  return {
    log: open.connections.log,
    gateway,
    toPostgres,
    toNats,
    toRedis,
    /** Somebody with keys, not registered. */
    visitor: (local: string, recovery = randomBytes(16), deviceName = 'test') => {
      const keyring = createKeyring({
        address: `${local}@a.test`,
        deviceName,
        recovery,
        now: Date.now(),
        random: randomBytes,
      })
      const transport = grpcTransport(home, { resolveTo: endpoint })
      const account = createAccount({ keyring, transport, now: Date.now, random: randomBytes })
      accounts.push(account)
      return account
    },
    async person(local: string) {
      const account = this.visitor(local)
      await register(account)
      return account
    },
    /** The heads of the log of submissions, read past the proxy. */
    async heads(): Promise<string> {
      const { rows } = await direct.query(
        `select name, head from log.partitions where context = 'submission' order by name`,
      )
      return JSON.stringify(rows)
    },
    async stop() {
      for (const { transport } of accounts) transport.close()
      identity.close()
      for (const service of services.toReversed()) await service.stop()
      await open.close()
      await direct.end()
      await Promise.all([toPostgres, toNats, toRedis].map((proxy) => proxy.stop()))
      await Promise.all([postgres.drop(), nats.drop(), redis.drop()])
    },
  }
}

const grpcOf = ({ addresses }: RunningService): string => String(addresses['grpc'])
