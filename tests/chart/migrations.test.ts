import { dependencyShapes } from '@mailx/chart-tool/dependencies'
import { expect, test } from 'vitest'
import { profile } from './helm.ts'
import { containersOf, type Manifest, ofKind, podsOf, render } from './manifest.ts'

const external = (...values: readonly object[]) => ({ values: [profile('external'), ...values] })

async function migrations(...values: readonly object[]): Promise<Manifest> {
  const jobs = ofKind(await render(external(...values)), 'Job').filter(({ metadata }) =>
    metadata.name.startsWith('mailx-migrations-'),
  )
  expect(jobs).toHaveLength(1)
  return jobs[0] as Manifest
}

const nameOf = async (...values: readonly object[]) => (await migrations(...values)).metadata.name

test.each<[string, object]>([
  ['an image', { image: { tag: '0.2.0' } }],
  ['the partitions', { config: { LOG_PARTITIONS: 8 } }],
  ['the names of roles', { postgres: { rolePrefix: 'post' } }],
  ['the Secret of the owner', { postgres: { owner: { existingSecret: { key: 'other' } } } }],
  [
    'the way of the owner',
    { postgres: { owner: { value: 'postgres://m:p@db:5432/m', existingSecret: { name: '' } } } },
  ],
  ['the Secrets of the services', { access: { existingSecret: 'other-{service}' } }],
  ['who runs', { mode: 'all-in-one' }],
  ['the Job itself', { migrations: { backoffLimit: 3 } }],
])('another Job migrates when something else is said of %s', async (_what, values) => {
  expect(await nameOf(values)).not.toBe(await nameOf())
  expect(await nameOf(values)).toMatch(/^mailx-migrations-[0-9a-f]{10}$/)
})

test.each<[string, object]>([
  [
    'of a service alone',
    { services: { gateway: { replicas: 5, config: { BOUNCE_AFTER_MS: 1000 } } } },
  ],
  ['of the doors', { exposure: { peer: { via: 'None' } } }],
])('the Job that is there stays it when something is said %s', async (_what, values) => {
  expect(await nameOf(values)).toBe(await nameOf())
})

test('everything that values say of migrations gets to the Job', async () => {
  const said = {
    resources: { requests: { cpu: '7m', memory: '7Mi' }, limits: { memory: '77Mi' } },
    backoffLimit: 7,
    activeDeadlineSeconds: 77,
    annotations: { own: 'true' },
  }
  const job = await migrations({ migrations: said })
  const { spec, metadata } = job as Manifest & { spec: Manifest }
  expect({
    resources: spec['template'].spec.containers[0].resources,
    backoffLimit: spec['backoffLimit'],
    activeDeadlineSeconds: spec['activeDeadlineSeconds'],
    annotations: metadata['annotations'],
  }).toMatchObject(said)
  const { migrations: shape } = dependencyShapes
  const known = Object.keys(shape.parse({}))
  expect([...Object.keys(said), 'enabled'].toSorted()).toEqual(known.toSorted())
})

test('it is the owner, and makes roles for who runs and for mailxctl', async () => {
  const job = await migrations({ mode: 'all-in-one' })
  const { containers, volumes } = (job['spec'] as Manifest)['template'].spec as Record<
    'containers' | 'volumes',
    Manifest[]
  >
  expect(containers[0]?.['args']).toEqual(['all-in-one', 'prepare-database'])
  const roles = volumes.find(({ name }) => name === 'roles')?.['projected'].sources as Manifest[]
  expect(roles.map(({ secret }) => secret.name)).toEqual([
    'access-of-all-in-one',
    'access-of-operator',
  ])
})

test("with a cluster of CloudNativePG it is the owner that the cluster's operator has made", async () => {
  const manifests = await render({ values: [profile('large')] })
  const [cluster] = ofKind(manifests, 'Cluster')
  const podOf = (kind: string, component: string) => {
    const label = 'app.kubernetes.io/component'
    const pods = podsOf(ofKind(manifests, kind))
    const found = pods.find(({ metadata }) => metadata['labels'][label] === component)
    return found?.spec as Manifest
  }
  const { volumes } = podOf('Job', 'migrations') as { volumes?: Manifest[] }
  const owner = volumes?.find(({ name }) => name === 'owner')
  expect(owner?.['secret'].secretName).toBe(`${cluster?.metadata.name}-app`)
  expect(cluster?.['spec'].bootstrap.initdb.postInitSQL).toEqual([
    'alter role mailx createrole',
    'grant pg_read_all_stats, pg_monitor to mailx with admin option',
  ])
  const { initContainers } = podOf('Deployment', 'gateway') as { initContainers?: Manifest[] }
  expect(initContainers?.[0]?.['env']).toContainEqual({
    name: 'DATABASE_URL',
    value: `postgres://mailx_gateway@${cluster?.metadata.name}-rw.mail.svc:5432/mailx`,
  })
})

test('who migrates by hand has no Job, and services that wait all the same', async () => {
  const manifests = await render(external({ migrations: { enabled: false } }))
  expect(ofKind(manifests, 'Job').map(({ metadata }) => metadata.name)).toEqual([])
  const waiting = ofKind(manifests, 'Deployment').map(
    ({ spec }) => spec.template.spec.initContainers.length as number,
  )
  expect(waiting).toEqual([1, 1, 1, 1, 1, 1, 1])
})

test('whoever goes to Postgres knows its authorities, and shows a certificate when it wants to see one', async () => {
  const tls = { existingSecret: 'tls-of-postgres', clientCertificate: true }
  const manifests = await render(external({ postgres: { tls } }))
  const configs = new Map(
    ofKind(manifests, 'ConfigMap').map(({ metadata, ...map }) => [metadata.name, map['data']]),
  )
  const goers = podsOf(manifests).flatMap(({ spec }) =>
    containersOf(spec).flatMap((container) => {
      const env = new Map<string, string>(
        (container['env'] as Manifest[]).map(({ name, value }) => [String(name), String(value)]),
      )
      for (const { configMapRef } of container['envFrom'] ?? []) {
        for (const [name, value] of Object.entries(configs.get(configMapRef.name) ?? {})) {
          env.set(name, String(value))
        }
      }
      const goes = ['DATABASE_URL', 'MIGRATION_DATABASE_URL_FILE'].some((name) => env.has(name))
      return goes ? [{ container, env, volumes: spec['volumes'] as Manifest[] }] : []
    }),
  )
  expect(goers).toHaveLength(7 + 7 + 1)
  for (const { container, env, volumes } of goers) {
    const files = ['CA', 'CERT', 'KEY'].map((end) => env.get(`DATABASE_${end}_FILE`))
    const folder = '/etc/mailx/database'
    expect(files).toEqual([`${folder}/ca.crt`, `${folder}/tls.crt`, `${folder}/tls.key`])
    const mount = container['volumeMounts'].find(
      ({ mountPath }: { mountPath: string }) => mountPath === folder,
    )
    const volume = volumes.find(({ name }) => name === mount?.name)
    expect(volume?.['secret']).toMatchObject({ secretName: 'tls-of-postgres' })
  }
})
