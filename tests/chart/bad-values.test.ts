import { describe, expect, test } from 'vitest'
import { profile, refusal } from './helm.ts'

const minimal = (...values: readonly object[]) => refusal(profile('minimal'), ...values)
const external = (...values: readonly object[]) => refusal(profile('external'), ...values)
const key = Buffer.alloc(32, 7).toString('base64')

/** The lines between the first and Helm's own last words. */
const mistakes = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('  '))
    .map((line) => line.trim())

describe('a slip is refused before anything is rendered, with its path', () => {
  test.each<[string, object, string]>([
    [
      'a typo in a block',
      { services: { gateway: { replcas: 2 } } },
      "at '/services/gateway': additional properties 'replcas' not allowed",
    ],
    ['a typo at the top', { domians: [] }, "additional properties 'domians' not allowed"],
    [
      'a typo in a variable',
      { services: { storage: { config: { DEFAULT_QOTA_BYTES: 1 } } } },
      "at '/services/storage/config': additional properties 'DEFAULT_QOTA_BYTES' not allowed",
    ],
    [
      'a variable of another service',
      { services: { storage: { config: { SESSION_TTL_MS: 60000 } } } },
      "at '/services/storage/config': additional properties 'SESSION_TTL_MS' not allowed",
    ],
    [
      'a number in words',
      { services: { gateway: { replicas: 'two' } } },
      "at '/services/gateway/replicas': got string, want integer",
    ],
    [
      'a number out of bounds',
      { config: { LOG_PARTITIONS: 65 } },
      "at '/config/LOG_PARTITIONS': maximum: got 65, want 64",
    ],
    [
      'a word that is none',
      { config: { LOG_LEVEL: 'loud' } },
      "at '/config/LOG_LEVEL': value must be one of",
    ],
    [
      'a flag in words',
      { networkPolicy: { enabled: 'yes' } },
      "at '/networkPolicy/enabled': got string, want boolean",
    ],
    ['a list that is text', { domains: 'a.example' }, "at '/domains': got string, want array"],
    [
      'a service that there is not',
      { nats: { server: { publicKeys: { gatway: `U${'A'.repeat(55)}` } } } },
      "at '/nats/server/publicKeys': additional properties 'gatway' not allowed",
    ],
    [
      'a public key that is a seed',
      { nats: { server: { publicKeys: { gateway: `SU${'A'.repeat(56)}` } } } },
      "at '/nats/server/publicKeys/gateway'",
    ],
    ['a digest that is none', { image: { digest: 'sha256:abc' } }, "at '/image/digest'"],
  ])('%s', async (_what, values, words) => {
    expect(await minimal(values)).toContain(words)
  })

  test('two slips are told at once', async () => {
    const said = await minimal({ mode: 'half', services: { gateway: { replcas: 2 } } })
    expect(said).toContain("at '/mode'")
    expect(said).toContain("at '/services/gateway'")
  })
})

describe('what cannot work is refused in plain words, with the value to change', () => {
  test.each<[string, object, string]>([
    [
      'no domain',
      { domains: [] },
      'domains: is empty (write the domains to host, as in [a.example, b.example])',
    ],
    [
      'two domains alike',
      { domains: ['a.example', 'b.example', 'A.example'] },
      'domains[2]: A.example is there already, as domains[0] (leave one out)',
    ],
    [
      'something that is no domain',
      { domains: ['https://a.example'] },
      'domains[0]: "https://a.example" is not a domain in lower case',
    ],
    [
      'no database',
      { postgres: { address: '' } },
      'postgres.address: is missing (write host:5432/database, or set postgres.cluster.enabled)',
    ],
    [
      'two databases',
      { postgres: { cluster: { enabled: true }, owner: { existingSecret: { name: '' } } } },
      'postgres.address: is set beside postgres.cluster.enabled (keep one of them)',
    ],
    [
      'a database with an owner of another',
      { postgres: { cluster: { enabled: true }, address: '' } },
      'postgres.owner: is set beside postgres.cluster.enabled, whose operator gives it (leave it out)',
    ],
    [
      'one way into the database for all',
      { postgres: { address: 'postgres://mailx:hunter2@db:5432/mailx' } },
      'postgres.address: is not of the form host:5432/database (leave out postgres://, user and password: each service has its own)',
    ],
    [
      'a database at a port that the policy shuts',
      { postgres: { address: 'db:6432/mailx' } },
      'postgres.port: is 5432, and postgres.address names port 6432 (write 6432: it is for the NetworkPolicy)',
    ],
    [
      'a database that no role can be called by',
      { postgres: { address: 'db:5432/My-Mail' } },
      "postgres.rolePrefix: is missing, and the database's name My-Mail is none that roles could begin with",
    ],
    [
      'migrations by nobody',
      { postgres: { owner: { existingSecret: { name: '' } } } },
      'postgres.owner: is missing, and migrations need it (write postgres.owner.existingSecret.name, or set migrations.enabled to false and run prepare-database yourself)',
    ],
    [
      'an owner that is none',
      { postgres: { owner: { value: 'db:5432', existingSecret: { name: '' } } } },
      'postgres.owner.value: is not of the form postgres://owner:password@host:5432/database',
    ],
    [
      'a client certificate in no Secret',
      { postgres: { tls: { clientCertificate: true } } },
      'postgres.tls.clientCertificate: is set, and no Secret is named that has it (write postgres.tls.existingSecret)',
    ],
    [
      'authorities in two places',
      { postgres: { tls: { existingSecret: 'ca' } }, config: { DATABASE_CA_FILE: '/etc/ca.crt' } },
      'config.DATABASE_CA_FILE: is set beside postgres.tls.existingSecret (keep one of them)',
    ],
    [
      'authorities in two places, of one service',
      {
        nats: { tls: { existingSecret: 'ca' } },
        services: { storage: { config: { NATS_KEY_FILE: '/etc/tls.key' } } },
      },
      'services.storage.config.NATS_KEY_FILE: is set beside nats.tls.existingSecret (keep one of them)',
    ],
    [
      'Redis by TLS and in plain text',
      {
        redis: {
          tls: { existingSecret: 'ca' },
          url: { value: 'redis://r:6379/0', existingSecret: { name: '' } },
        },
      },
      'redis.url.value: is not of the form rediss://host:6379/0, and redis.tls.existingSecret asks for TLS',
    ],
    [
      'one user of NATS for all',
      { nats: { url: { value: 'nats://mailx:hunter2@nats:4222' } } },
      'nats.url.value: names a user, and each service has one of its own, which it shows by a key (leave out what is before @)',
    ],
    [
      'one password for all services',
      { access: { existingSecret: 'mailx-access' } },
      'access.existingSecret: is one Secret for all services, and each has a password and a seed of its own (write {service} into the name, as in mailx-access-{service})',
    ],
    [
      'nobody who makes passwords',
      {
        secrets: {
          generate: false,
          busKey: { value: key },
          sessionKey: { value: key },
          keyEncryptionKey: { value: key },
        },
      },
      'access.existingSecret: is missing, and secrets.generate is off (write the name of Secrets as `mailxctl k8s access` makes them, with {service} in it)',
    ],
    [
      'a NATS server that would know nobody',
      {
        access: { existingSecret: 'mailx-access-{service}' },
        nats: { url: { value: '' }, server: { enabled: true } },
      },
      'nats.server.publicKeys.all-in-one: is missing, and the seed comes from access.existingSecret (write what `mailxctl access` prints for it, U…)',
    ],
    [
      'a key that nobody asks for',
      { nats: { server: { publicKeys: { gateway: `U${'A'.repeat(55)}` } } } },
      'nats.server.publicKeys: is for nats.server.enabled with access.existingSecret (leave it out)',
    ],
    [
      'two NATS',
      { nats: { server: { enabled: true } } },
      'nats.url: is set beside nats.server.enabled (keep one of them)',
    ],
    [
      'a missing secret',
      {
        access: { existingSecret: 'mailx-access-{service}' },
        secrets: { generate: false, busKey: { value: key }, sessionKey: { value: key } },
      },
      'secrets.keyEncryptionKey: is missing, and secrets.generate is off (write secrets.keyEncryptionKey.existingSecret.name, or let it be generated)',
    ],
    [
      'a secret that is no key',
      { secrets: { busKey: { value: 'hunter2' } } },
      'secrets.busKey.value: is not 32 bytes in base64 (write the output of: openssl rand -base64 32)',
    ],
    [
      'three keys at a time',
      { secrets: { sessionKey: { value: `${key} ${key} ${key}` } } },
      'secrets.sessionKey.value: is not 32 bytes in base64 (write the output of: openssl rand -base64 32)',
    ],
    [
      'a secret given twice',
      { secrets: { busKey: { value: key, existingSecret: { name: 'x' } } } },
      'secrets.busKey: has a value and an existingSecret (keep one of them)',
    ],
    [
      'nobody who issues certificates',
      {
        mode: 'services',
        access: { existingSecret: 'mailx-access-{service}' },
        secrets: {
          generate: false,
          busKey: { value: key },
          sessionKey: { value: key },
          keyEncryptionKey: { value: key },
        },
      },
      "internalTls: nobody issues the services' certificates, and secrets.generate is off (write internalTls.existingSecret, or set internalTls.certManager.enabled)",
    ],
    [
      'one certificate for all services',
      { mode: 'services', internalTls: { existingSecret: 'tls' } },
      'internalTls.existingSecret: is one Secret for all services, and each has to show a certificate of its own (write {service} into the name, as in mailx-internal-{service})',
    ],
    [
      'certificates from two sides',
      {
        mode: 'services',
        internalTls: { existingSecret: 'tls-{service}', certManager: { enabled: true } },
      },
      'internalTls.existingSecret: is set beside internalTls.certManager.enabled (keep one of them)',
    ],
    [
      'a peer port behind an ingress',
      { exposure: { peer: { via: 'Ingress' } } },
      'exposure.peer.via: is Ingress, which ends TLS before the pod',
    ],
    [
      'a peer port behind an HTTP route',
      {
        exposure: {
          peer: { via: 'HTTPRoute' },
          gateway: { name: 'edge', backendCaConfigMap: 'ca' },
        },
      },
      'exposure.peer.via: is HTTPRoute, which ends TLS before the pod',
    ],
    [
      'clients who see another certificate',
      {
        exposure: {
          client: { via: 'GRPCRoute' },
          gateway: { name: 'edge', backendCaConfigMap: 'ca' },
        },
      },
      'exposure.client.via: is GRPCRoute, by which clients see',
    ],
    [
      'a route without a Gateway',
      { exposure: { peer: { via: 'TLSRoute' } } },
      'exposure.gateway.name: is missing, and exposure.peer.via is TLSRoute',
    ],
    [
      'a Gateway of no class',
      { exposure: { peer: { via: 'TLSRoute' }, gateway: { create: true } } },
      'exposure.gateway.className: is missing',
    ],
    [
      'a Gateway that cannot know the pods',
      { exposure: { wellKnown: { via: 'HTTPRoute' }, gateway: { name: 'edge' } } },
      'exposure.gateway.backendCaConfigMap: is missing',
    ],
    [
      'an endpoint without a port',
      { endpoints: { peer: 'mailx.{domain}' } },
      'endpoints.peer: is not host:port; {domain} may stand in it',
    ],
    [
      'a port that nobody dials',
      { endpoints: { peer: 'mailx-peer.{domain}:9000' } },
      'endpoints.peer: has port 9000, which other domains do not dial (write 443, 8080 or 8443)',
    ],
    [
      'two doors at one place',
      { endpoints: { peer: 'mailx.{domain}:443' } },
      'endpoints.http: is at port 443, where endpoints.peer is, too',
    ],
    [
      'autoscaling twice',
      {
        services: { 'all-in-one': { autoscaling: { enabled: true }, keda: { enabled: true } } },
        scaling: { prometheusAddress: 'http://prometheus:9090' },
        config: { LOG_PARTITIONS: 4 },
      },
      'services.all-in-one.keda.enabled: is on beside services.all-in-one.autoscaling.enabled',
    ],
    [
      'scaling by lag without Prometheus',
      {
        services: { 'all-in-one': { keda: { enabled: true } } },
        config: { LOG_PARTITIONS: 4 },
      },
      'scaling.prometheusAddress: is missing, and services.all-in-one.keda.enabled is on',
    ],
    [
      'too little time to stop',
      { services: { 'all-in-one': { terminationGracePeriodSeconds: 10 } } },
      'services.all-in-one.terminationGracePeriodSeconds: is shorter than preStopSeconds and SHUTDOWN_GRACE_MS together',
    ],
    [
      'private peers in production',
      { services: { 'all-in-one': { config: { ALLOW_PRIVATE_PEERS: true } } } },
      'services.all-in-one.config.ALLOW_PRIVATE_PEERS: lets any domain make this one dial into your network',
    ],
    [
      'private peers behind a policy',
      {
        config: { NODE_ENV: 'development' },
        services: { 'all-in-one': { config: { ALLOW_PRIVATE_PEERS: true } } },
      },
      'networkPolicy.privatePeers: is off, and services.all-in-one.config.ALLOW_PRIVATE_PEERS is on',
    ],
    [
      'a list that lets nobody in',
      { services: { 'all-in-one': { config: { FEDERATION_POLICY: 'allow' } } } },
      'federation.list: is empty while FEDERATION_POLICY is allow',
    ],
    [
      'a static peer that is hosted here',
      { federation: { staticPeers: { 'a.example': { publicKey: key, endpoint: 'https://x' } } } },
      'federation.staticPeers.a.example: is one of domains',
    ],
    [
      'a resolver by name, which no policy could let through',
      { dns: { resolver: 'dns.example:53' } },
      'dns.resolver: is not address:port (write one resolver by its IP address, as in 10.0.0.53:53)',
    ],
    [
      'a collector at a port of peers, anywhere inside',
      {
        telemetry: { endpoint: 'https://collector.example' },
        networkPolicy: { telemetry: [{ ipBlock: { cidr: '10.0.0.0/8' } }] },
      },
      'networkPolicy.telemetry[0]: is all of 10.0.0.0/8, and port 443 is one of networkPolicy.internetPorts',
    ],
    [
      'a database at a port of peers, anywhere inside',
      {
        postgres: { address: 'db:8080/mailx', port: 8080 },
        networkPolicy: { postgres: [{ ipBlock: { cidr: 'fc00::/7' } }] },
      },
      'networkPolicy.postgres[0]: is all of fc00::/7, and port 8080 is one of networkPolicy.internetPorts',
    ],
    [
      'TLS to a NATS of the chart',
      {
        nats: { url: { value: '' }, tls: { existingSecret: 'ca' }, server: { enabled: true } },
      },
      'nats.tls.existingSecret: asks for TLS, which the server of nats.server.enabled does not speak',
    ],
    [
      'TLS to a Valkey of the chart',
      {
        redis: { url: { value: '' }, tls: { existingSecret: 'ca' }, server: { enabled: true } },
      },
      'redis.tls.existingSecret: asks for TLS, which the server of redis.server.enabled does not speak',
    ],
    [
      'more pods for a log of one partition',
      {
        scaling: { prometheusAddress: 'http://p:9090' },
        services: { 'all-in-one': { keda: { enabled: true } } },
      },
      'services.all-in-one.keda.enabled: is on, and the log has one partition',
    ],
    [
      'two resolvers',
      { dns: { resolver: '10.0.0.53:53', unbound: { enabled: true } } },
      'dns.resolver: is set beside dns.unbound.enabled',
    ],
  ])('%s', async (_what, values, words) => {
    const told = mistakes(await minimal(values))
    expect(told).toHaveLength(1)
    expect(told[0]).toContain(words)
  })

  test('two load balancers under one name', async () => {
    const said = await external({
      endpoints: { peer: 'mailx.{domain}:8443' },
      exposure: { wellKnown: { via: 'LoadBalancer' } },
    })
    expect(mistakes(said)).toEqual([
      expect.stringContaining(
        'endpoints.peer: names the host of endpoints.client, but they get a load balancer each',
      ),
      expect.stringContaining(
        'endpoints.peer: names the host of endpoints.http, but they get a load balancer each',
      ),
    ])
  })

  test('servers of the chart without passwords, where none are made', async () => {
    const said = await external({
      nats: {
        url: { value: '', existingSecret: { name: '' } },
        server: { enabled: true, publicKeys: {} },
      },
      redis: { url: { value: '', existingSecret: { name: '' } }, server: { enabled: true } },
    })
    expect(mistakes(said)).toEqual(
      expect.arrayContaining([
        expect.stringContaining('nats.server.existingSecret: is missing'),
        expect.stringContaining('redis.server.existingSecret: is missing'),
      ]),
    )
  })

  test('every mistake is told at once', async () => {
    const said = await refusal()
    expect(said).toContain('The values are wrong in 5 places:')
    expect(mistakes(said).map((line) => line.split(':')[0])).toEqual([
      'domains',
      'nats.url',
      'redis.url',
      'postgres.address',
      'postgres.owner',
    ])
  })

  test('no secret is repeated', async () => {
    for (const values of [
      { secrets: { busKey: { value: 'hunter2' } } },
      { postgres: { address: 'postgres://mailx:hunter2@db:5432/mailx' } },
      { nats: { url: { value: 'nats://mailx:hunter2@nats:4222' } } },
    ]) {
      expect(await minimal(values)).not.toContain('hunter2')
    }
  })
})
