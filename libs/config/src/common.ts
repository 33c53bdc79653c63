import * as z from 'zod'
import { count, currentKeys32, key32, listenAddress, noted, serviceAddress } from './variable.ts'

/** The path of a file in PEM. */
const pemFile = (example: string) => noted(z.string(), { write: example }).optional()

/** Variables that more than one service reads, for picking into a service's own schema. */
export const variables = {
  /** The Postgres database that holds the log and the read models. Must keep what it commits. */
  DATABASE_URL: noted(z.url({ protocol: /^postgres(ql)?$/, error: 'is not a postgres:// URL' }), {
    write: 'postgres://user:password@host:5432/database',
    secret: true,
  }),
  /** The password of DATABASE_URL's user, when it is not in the URL. */
  DATABASE_PASSWORD: noted(z.string(), { write: 'the password', secret: true }).optional(),
  /** Authorities (PEM) of which Postgres has its certificate: with it nothing goes there but by TLS; read again for each connection. */
  DATABASE_CA_FILE: pemFile('/etc/mailx/database/ca.crt'),
  /** The certificate (PEM) that Postgres wants to see; read again for each connection. */
  DATABASE_CERT_FILE: pemFile('/etc/mailx/database/tls.crt'),
  /** The private key (PEM) of DATABASE_CERT_FILE; read again for each connection. */
  DATABASE_KEY_FILE: pemFile('/etc/mailx/database/tls.key'),
  /** Connections to Postgres at most, for all services of the process together. */
  DATABASE_CONNECTIONS: count(4, 500).default(20),
  /** The NATS servers, separated by commas. They need JetStream. */
  NATS_URL: noted(
    z.string().regex(/^(nats|tls|ws|wss):\/\/[^\s,]+(,(nats|tls|ws|wss):\/\/[^\s,]+)*$/, {
      error: 'is not a nats:// URL',
    }),
    { write: 'nats://host:4222', secret: true },
  ).default('nats://127.0.0.1:4222'),
  /** The seed of the process's own nkey, where NATS_URL names no user. */
  NATS_SEED: noted(z.string().regex(/^SU[A-Z2-7]{56}$/, 'is not the seed of a user'), {
    write: 'SU…, as `nsc generate nkey --user` makes it',
    secret: true,
  }).optional(),
  /** Authorities (PEM) of which NATS has its certificate: with it nothing goes there but by TLS; read again for each connection. */
  NATS_CA_FILE: pemFile('/etc/mailx/nats/ca.crt'),
  /** The certificate (PEM) that NATS wants to see; read again for each connection. */
  NATS_CERT_FILE: pemFile('/etc/mailx/nats/tls.crt'),
  /** The private key (PEM) of NATS_CERT_FILE; read again for each connection. */
  NATS_KEY_FILE: pemFile('/etc/mailx/nats/tls.key'),
  /** A Redis or Valkey server for caches and rate limits; nothing is lost without it. */
  REDIS_URL: noted(z.url({ protocol: /^rediss?$/, error: 'is not a redis:// URL' }), {
    write: 'redis://host:6379/0',
    secret: true,
  }).default('redis://127.0.0.1:6379'),
  /** Authorities (PEM) of which Redis has its certificate, for a rediss:// URL; read again for each connection. */
  REDIS_CA_FILE: pemFile('/etc/mailx/redis/ca.crt'),
  /** The certificate (PEM) that Redis wants to see; read again for each connection. */
  REDIS_CERT_FILE: pemFile('/etc/mailx/redis/tls.crt'),
  /** The private key (PEM) of REDIS_CERT_FILE; read again for each connection. */
  REDIS_KEY_FILE: pemFile('/etc/mailx/redis/tls.key'),
  /** Authenticates what the services tell each other over NATS. The same for all of them; may be two, see docs/least-privilege.md. */
  BUS_KEY: currentKeys32(),
  /** Seals session tokens. The same for gateway and identity; may be two, see docs/least-privilege.md. */
  SESSION_KEY: currentKeys32(),
  /** Encrypts private keys at rest. Losing it loses them. */
  KEY_ENCRYPTION_KEY: key32(),
  /**
   * Partitions of a context's log when it is first created; kept afterwards. One is fastest where one
   * process does all the work; as many processes as there are partitions can share it.
   */
  LOG_PARTITIONS: count(1, 64).default(1),
  /** Where the internal gRPC server listens; the service's own *_ADDRESS when not set. */
  GRPC_LISTEN: listenAddress().optional(),
  /** Authorities (PEM) whose certificates internal gRPC accepts; read again when it changes. */
  GRPC_CA_FILE: noted(z.string(), { write: '/etc/mailx/internal/ca.crt' }).optional(),
  /** This service's certificate (PEM), of spiffe://<deployment>/<service>; read again when it changes. */
  GRPC_CERT_FILE: noted(z.string(), { write: '/etc/mailx/internal/tls.crt' }).optional(),
  /** The private key (PEM) of GRPC_CERT_FILE; read again when it changes. */
  GRPC_KEY_FILE: noted(z.string(), { write: '/etc/mailx/internal/tls.key' }).optional(),
  /** Where /livez, /readyz, /startupz and /metrics are served, in plain HTTP. */
  OPS_LISTEN: listenAddress().default('127.0.0.1:0'),
  /** How much is logged. */
  LOG_LEVEL: noted(z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), {
    write: 'trace, debug, info, warn, error, fatal or silent',
  }).default('info'),
  /** Production refuses switches that are for development. */
  NODE_ENV: noted(z.enum(['production', 'development', 'test']), {
    write: 'production, development or test',
  }).default('production'),
  /** How long a stopping process waits for calls under way, in milliseconds. */
  SHUTDOWN_GRACE_MS: count(0, 600_000).default(10_000),
  /** Internal gRPC address of identity. */
  IDENTITY_ADDRESS: serviceAddress('127.0.0.1:7001'),
  /** Internal gRPC address of directory. */
  DIRECTORY_ADDRESS: serviceAddress('127.0.0.1:7002'),
  /** Internal gRPC address of storage. */
  STORAGE_ADDRESS: serviceAddress('127.0.0.1:7003'),
  /** Internal gRPC address of transparency. */
  TRANSPARENCY_ADDRESS: serviceAddress('127.0.0.1:7004'),
  /** Internal gRPC address of outbound-federation. */
  OUTBOUND_ADDRESS: serviceAddress('127.0.0.1:7005'),
  /** Internal gRPC address of inbound-federation. */
  INBOUND_ADDRESS: serviceAddress('127.0.0.1:7006'),
}

/** What every service reads; extend it: `CommonConfig.extend({ SESSION_KEY: variables.SESSION_KEY })`. */
export const CommonConfig = z.object({
  DATABASE_URL: variables.DATABASE_URL,
  DATABASE_PASSWORD: variables.DATABASE_PASSWORD,
  DATABASE_CA_FILE: variables.DATABASE_CA_FILE,
  DATABASE_CERT_FILE: variables.DATABASE_CERT_FILE,
  DATABASE_KEY_FILE: variables.DATABASE_KEY_FILE,
  DATABASE_CONNECTIONS: variables.DATABASE_CONNECTIONS,
  NATS_URL: variables.NATS_URL,
  NATS_SEED: variables.NATS_SEED,
  NATS_CA_FILE: variables.NATS_CA_FILE,
  NATS_CERT_FILE: variables.NATS_CERT_FILE,
  NATS_KEY_FILE: variables.NATS_KEY_FILE,
  REDIS_URL: variables.REDIS_URL,
  REDIS_CA_FILE: variables.REDIS_CA_FILE,
  REDIS_CERT_FILE: variables.REDIS_CERT_FILE,
  REDIS_KEY_FILE: variables.REDIS_KEY_FILE,
  BUS_KEY: variables.BUS_KEY,
  LOG_PARTITIONS: variables.LOG_PARTITIONS,
  GRPC_LISTEN: variables.GRPC_LISTEN,
  GRPC_CA_FILE: variables.GRPC_CA_FILE,
  GRPC_CERT_FILE: variables.GRPC_CERT_FILE,
  GRPC_KEY_FILE: variables.GRPC_KEY_FILE,
  OPS_LISTEN: variables.OPS_LISTEN,
  LOG_LEVEL: variables.LOG_LEVEL,
  NODE_ENV: variables.NODE_ENV,
  SHUTDOWN_GRACE_MS: variables.SHUTDOWN_GRACE_MS,
})

export type CommonConfig = z.infer<typeof CommonConfig>
