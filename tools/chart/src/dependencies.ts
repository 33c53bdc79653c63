import * as z from 'zod'
import { accessShape } from './access.ts'
import { imageShape, KubernetesObject, secretSource } from './block.ts'
import { internalTlsShape } from './internal-tls.ts'
import { serverTls } from './server-tls.ts'
import { serviceNames } from './services.ts'

const quantity = z.string().regex(/^[0-9.]+([kMGTPE]i?|m)?$/)
const port = z.int().min(1).max(65_535)

const serverImage = (registry: string, repository: string, tag: string) =>
  z
    .strictObject({
      registry: imageShape.registry.default(registry),
      repository: imageShape.repository.default(repository),
      tag: imageShape.tag.default(tag),
      digest: imageShape.digest.default(''),
      pullPolicy: imageShape.pullPolicy.default('IfNotPresent'),
    })
    .prefault({})
    .describe('The image of the server.')

const storage = (size: string) =>
  z
    .strictObject({
      size: quantity.default(size).describe('Of each volume.'),
      className: z.string().default('').describe("The cluster's default when empty."),
    })
    .prefault({})
    .describe('Volumes.')

const publicKey = z
  .string()
  .regex(/^U[A-Z2-7]{55}$/)
  .optional()

const resources = KubernetesObject.describe('Requests and limits.')

/** Secrets of the deployment. */
export const secretShapes = {
  secrets: z
    .strictObject({
      generate: z
        .boolean()
        .default(true)
        .describe('A Job makes those that nobody gives, once; they outlive the release.'),
      busKey: secretSource(
        'BUS_KEY: authenticates what services tell each other over NATS. Two keys while it changes.',
      ),
      sessionKey: secretSource('SESSION_KEY: seals session tokens. Two keys while it changes.'),
      keyEncryptionKey: secretSource(
        'KEY_ENCRYPTION_KEY: encrypts the private keys of the domains. Keep a copy elsewhere: losing it loses the domains.',
      ),
    })
    .prefault({})
    .describe('32 bytes in base64 each. Give a value, or a Secret of yours, or neither.'),
  access: accessShape,
  internalTls: internalTlsShape,
}

/** Postgres, NATS and Redis: elsewhere by address, or made by the chart. */
export const dependencyShapes = {
  postgres: z
    .strictObject({
      address: z
        .string()
        .default('')
        .describe(
          'host:5432/database, as the services reach it; what pg understands may follow, as in ?sslmode=verify-full. Without user and password: each service has its own. Not with cluster.enabled.',
        ),
      owner: secretSource(
        'MIGRATION_DATABASE_URL: postgres://owner:password@host:5432/database, for the migrations alone. Not with cluster.enabled.',
      ),
      rolePrefix: z
        .string()
        .regex(/^([a-z][a-z0-9_]*)?$/)
        .default('')
        .describe("Roles are called <prefix>_gateway and so on. The database's name when empty."),
      port: port.default(5432).describe('For the NetworkPolicy.'),
      diskSize: z
        .union([z.literal(''), quantity])
        .default('')
        .describe(
          'Of the disk that its data is on, as in 200Gi: an alert tells in time that it fills. With cluster.enabled: cluster.storage.size.',
        ),
      tls: serverTls('Postgres'),
      cluster: z
        .strictObject({
          enabled: z.boolean().default(false).describe('A Cluster of CloudNativePG.'),
          instances: z.int().min(1).default(3).describe('One primary, the others stand by.'),
          imageName: z.string().default('').describe("The operator's own when empty."),
          storage: storage('50Gi'),
          walStorage: storage('10Gi'),
          synchronous: z
            .boolean()
            .default(true)
            .describe('A commit waits for a standby, so that a failover loses nothing.'),
          resources: resources.default({}),
          parameters: z.record(z.string(), z.string()).default({}).describe('postgresql.conf.'),
        })
        .prefault({})
        .describe('Needs the operator. The Cluster outlives the release.'),
    })
    .prefault({})
    .describe('The log. Must keep what it commits.'),
  nats: z
    .strictObject({
      url: secretSource(
        'NATS_URL: nats://host:4222, without a user: each service has its own (mailxctl k8s nats-users). Not with server.enabled.',
      ),
      port: port.default(4222).describe('For the NetworkPolicy.'),
      tls: serverTls('NATS'),
      server: z
        .strictObject({
          enabled: z.boolean().default(false).describe('A NATS with JetStream, by this chart.'),
          replicas: z
            .union([z.literal(1), z.literal(3), z.literal(5)])
            .default(3)
            .describe('1, 3 or 5.'),
          existingSecret: z
            .string()
            .default('')
            .describe(
              'With several: a Secret of yours with routes.conf, which is `authorization` and `routes` of their cluster. Made when empty.',
            ),
          image: serverImage('docker.io', 'library/nats', '2.12-alpine'),
          storage: storage('10Gi'),
          publicKeys: z
            .strictObject(Object.fromEntries(serviceNames.map((name) => [name, publicKey])))
            .prefault({})
            .describe(
              'With access.existingSecret: of each service the public key of its NATS_SEED, as `mailxctl access` prints it.',
            ),
          resources: resources.default({
            requests: { cpu: '200m', memory: '256Mi' },
            limits: { memory: '512Mi' },
          }),
        })
        .prefault({})
        .describe('Holds the last stretch of the log, and may be lost.'),
    })
    .prefault({})
    .describe('Carries events between services.'),
  redis: z
    .strictObject({
      url: secretSource('REDIS_URL: redis://host:6379/0. Not with server.enabled.'),
      port: port.default(6379).describe('For the NetworkPolicy.'),
      tls: serverTls('Redis'),
      server: z
        .strictObject({
          enabled: z.boolean().default(false).describe('A Valkey, by this chart.'),
          existingSecret: z
            .string()
            .default('')
            .describe(
              'A Secret of yours with REDIS_URL, password included, and users.acl, which lets that in. Made when empty.',
            ),
          image: serverImage('docker.io', 'valkey/valkey', '8-alpine'),
          maxMemory: z
            .string()
            .regex(/^\d+(kb|mb|gb)$/)
            .default('200mb')
            .describe('Before old keys go.'),
          resources: resources.default({
            requests: { cpu: '50m', memory: '64Mi' },
            limits: { memory: '320Mi' },
          }),
        })
        .prefault({})
        .describe('Caches and rate limits; keeps nothing.'),
    })
    .prefault({})
    .describe('Redis or Valkey. Nothing is lost without it.'),
  migrations: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe('Off: you run prepare-database yourself, before each new version.'),
      resources: resources.default({
        requests: { cpu: '100m', memory: '128Mi' },
        limits: { memory: '256Mi' },
      }),
      backoffLimit: z.int().min(0).default(20).describe('Tries, with ever longer pauses.'),
      activeDeadlineSeconds: z.int().min(1).default(3600).describe('All tries together.'),
      annotations: z.record(z.string(), z.string()).default({}).describe('Of the Job.'),
    })
    .prefault({})
    .describe(
      'The Job that prepares the database as its owner, one for each version of image and settings. Services wait for it.',
    ),
}
