import { profile, type RenderOptions } from './helm.ts'
import { type Manifest, render } from './manifest.ts'

export type Rendering = { readonly name: string; readonly manifests: readonly Manifest[] }

export const profiles = ['minimal', 'dev', 'large', 'external']

export const monitoring = ['ServiceMonitor', 'PrometheusRule'].map(
  (kind) => `monitoring.coreos.com/v1/${kind}`,
)
const everyService = (block: object) => ({
  services: Object.fromEntries(
    [
      'identity',
      'transparency',
      'directory',
      'storage',
      'outbound-federation',
      'inbound-federation',
      'gateway',
      'all-in-one',
    ].map((name) => [name, block]),
  ),
})
const key = Buffer.alloc(32, 7).toString('base64')

/** One option at a time, and some that meet each other; each over a profile. */
const matrix: Readonly<Record<string, readonly [string, ...object[]]>> = {
  'an issuer that is there': [
    'large',
    { internalTls: { certManager: { issuerRef: { name: 'inside', kind: 'ClusterIssuer' } } } },
  ],
  'a deployment of another name': [
    'minimal',
    { mode: 'services', internalTls: { deployment: 'post' } },
  ],
  'two modes': ['external', { mode: 'all-in-one' }],
  'seven from the least': ['minimal', { mode: 'services' }],
  'a long release': ['minimal', { mode: 'services' }],
  'names of your own': ['external', { nameOverride: 'post', commonLabels: { team: 'mail' } }],
  'a full name of your own': ['large', { fullnameOverride: 'the-post-office' }],
  'secrets by value': [
    'external',
    {
      secrets: Object.fromEntries(
        ['busKey', 'sessionKey', 'keyEncryptionKey'].map((name) => [
          name,
          { value: key, existingSecret: { name: '' } },
        ]),
      ),
      postgres: { owner: { value: 'postgres://m:p@db:5432/m', existingSecret: { name: '' } } },
    },
  ],
  'secrets generated': [
    'external',
    { secrets: { generate: true, busKey: { existingSecret: { name: '' } } } },
  ],
  'keys that change': [
    'external',
    {
      secrets: {
        busKey: { value: `${key} ${key}`, existingSecret: { name: '' } },
        sessionKey: { value: `${key}\n${key}\n`, existingSecret: { name: '' } },
      },
    },
  ],
  'access made by the chart': [
    'external',
    { secrets: { generate: true }, access: { existingSecret: '' } },
  ],
  'seven with servers of the chart': ['dev', { mode: 'services' }],
  'servers by TLS': [
    'external',
    {
      operator: { enabled: true },
      postgres: { tls: { existingSecret: 'ca-of-postgres' } },
      nats: { tls: { existingSecret: 'tls-of-nats', clientCertificate: true } },
      redis: { tls: { existingSecret: 'ca-of-redis' } },
    },
  ],
  'servers by TLS, in one process': [
    'minimal',
    { postgres: { tls: { existingSecret: 'ca-of-postgres' } } },
  ],
  'a database that wants to see a certificate': [
    'large',
    { postgres: { tls: { existingSecret: 'tls-of-postgres', clientCertificate: true } } },
  ],
  'migrations by hand': [
    'external',
    { migrations: { enabled: false }, postgres: { owner: { existingSecret: { name: '' } } } },
  ],
  'one gateway that is there': [
    'external',
    {
      exposure: {
        peer: { via: 'TLSRoute' },
        client: { via: 'TLSRoute' },
        wellKnown: { via: 'TLSRoute' },
        gateway: { name: 'edge', namespace: 'edge' },
      },
    },
  ],
  'routes that end TLS': [
    'large',
    {
      exposure: {
        client: { via: 'GRPCRoute' },
        wellKnown: { via: 'HTTPRoute' },
        clientsTrustGateway: true,
        gateway: { certificateRefs: [{ name: 'edge-tls' }], backendCaConfigMap: 'domain-ca' },
      },
    },
  ],
  'node ports': [
    'external',
    {
      exposure: {
        peer: { via: 'NodePort', nodePort: 30843 },
        client: { via: 'NodePort', nodePort: 30844 },
        wellKnown: { via: 'NodePort', nodePort: 30443 },
      },
    },
  ],
  'no way in': [
    'external',
    { exposure: { peer: { via: 'None' }, client: { via: 'None' }, wellKnown: { via: 'None' } } },
  ],
  'an ingress and balancers of a class': [
    'external',
    {
      exposure: {
        peer: {
          loadBalancerClass: 'edge',
          loadBalancerSourceRanges: ['192.0.2.0/24'],
          annotations: { a: 'b' },
        },
      },
    },
  ],
  'no network policies': ['large', { networkPolicy: { enabled: false } }],
  'a resolver that is trusted': ['external', { dns: { resolver: '10.0.0.53:53', trusted: true } }],
  'a resolver by IPv6': ['external', { dns: { resolver: '[fd00::53]:5353' } }],
  'a collector at a port of peers': [
    'external',
    {
      telemetry: { endpoint: 'https://collector.example:8443/' },
      networkPolicy: { telemetry: [{ ipBlock: { cidr: '10.1.2.3/32' } }] },
    },
  ],
  'NATS and Valkey of the chart, passwords made': [
    'external',
    {
      secrets: { generate: true },
      nats: { url: { value: '', existingSecret: { name: '' } }, server: { enabled: true } },
      redis: { url: { value: '', existingSecret: { name: '' } }, server: { enabled: true } },
      access: { existingSecret: '' },
    },
  ],
  'unbound in one process': ['minimal', { dns: { unbound: { enabled: true } } }],
  'one NATS server': ['large', { nats: { server: { replicas: 1 } } }],
  'one Postgres': ['large', { postgres: { cluster: { instances: 1 } } }],
  'everything scaled by CPU': ['external', everyService({ autoscaling: { enabled: true } })],
  'everything scaled by lag': [
    'external',
    everyService({ keda: { enabled: true } }),
    { scaling: { prometheusAddress: 'http://p:9090', authenticationRef: 'prometheus' } },
  ],
  'accounts that are there': [
    'external',
    everyService({ serviceAccount: { create: false, name: 'mail' } }),
  ],
  'no budgets, no pause': [
    'external',
    everyService({ pdb: { enabled: false }, preStopSeconds: 0 }),
  ],
  'one pod each': ['external', everyService({ replicas: 1 })],
  'no pods': ['external', everyService({ replicas: 0 })],
  'static peers': [
    'dev',
    {
      federation: {
        staticPeers: { 'b.test': { publicKey: key, endpoint: 'https://mailx.b.test:443' } },
      },
    },
  ],
  'only one service': [
    'external',
    everyService({ enabled: false }),
    { services: { directory: { enabled: true } } },
  ],
  'no tests': ['external', { tests: { enabled: false } }],
}

const optionsOf = ([base, ...values]: readonly [string, ...object[]]): RenderOptions => ({
  values: [profile(base), ...values],
  apis: monitoring,
})

/** The profiles, each as it is, and the matrix. */
export async function allRenderings(): Promise<Rendering[]> {
  const options = [
    ...profiles.map((name) => [name, optionsOf([name])] as const),
    ...Object.entries(matrix).map(([name, values]) => [name, optionsOf(values)] as const),
  ]
  const renderings: Rendering[] = []
  for (const [name, option] of options) {
    const release = name === 'a long release' ? 'r'.repeat(53) : 'mailx'
    renderings.push({ name, manifests: await render({ ...option, release }) })
  }
  return renderings
}

/** Runs a check over all renderings: each problem, with where it was found. */
export const problemsIn = (
  renderings: readonly Rendering[],
  check: (manifests: readonly Manifest[], name: string) => readonly string[],
): string[] =>
  renderings.flatMap(({ name, manifests }) =>
    check(manifests, name).map((problem) => `${name}: ${problem}`),
  )
