import { blockShape } from '@mailx/chart-tool/block'
import { describe, expect, test } from 'vitest'
import { lint, profile, template } from './helm.ts'
import { called, type Manifest, ofKind, podsOf, render } from './manifest.ts'
import { profiles } from './renderings.ts'

const forDirectory = (block: object) => ({ services: { directory: block } })
const external = (...values: readonly object[]) => ({ values: [profile('external'), ...values] })

const directory = async (...values: readonly object[]): Promise<Manifest> => {
  const deployments = ofKind(await render(external(...values)), 'Deployment')
  const found = deployments.find(({ metadata }) => metadata.name === 'mailx-directory')
  if (found === undefined) throw new Error('there is no directory')
  return found
}

test.each(profiles)('helm lint --strict has nothing against the profile %s', async (name) => {
  expect(await lint([profile(name)])).toContain('0 chart(s) failed')
})

test('nothing enabled renders nothing', async () => {
  const all = [
    'identity',
    'transparency',
    'directory',
    'storage',
    'outbound-federation',
    'inbound-federation',
    'gateway',
    'all-in-one',
  ]
  const off = { services: Object.fromEntries(all.map((name) => [name, { enabled: false }])) }
  expect(await render({ values: [off] })).toEqual([])
  for (const name of profiles) {
    const objects = await render({ values: [profile(name), off, { extraObjects: [] }] })
    expect(objects.map(called)).toEqual([])
  }
})

test.each(profiles)('the profile %s renders the same twice', async (name) => {
  const options = { values: [profile(name)] }
  expect(await template(options)).toBe(await template(options))
})

test('the mode decides which processes there are', async () => {
  const names = async (mode: string) =>
    ofKind(await render(external({ mode })), 'Deployment').map(({ metadata }) => metadata.name)
  expect(await names('all-in-one')).toEqual(['mailx-all-in-one'])
  expect((await names('services')).toSorted()).toEqual(
    [
      'directory',
      'gateway',
      'identity',
      'inbound-federation',
      'outbound-federation',
      'storage',
      'transparency',
    ].map((name) => `mailx-${name}`),
  )
})

describe('a block', () => {
  // What is said, and where in the Deployment it has to arrive.
  const own: readonly (readonly [string, unknown, (deployment: Manifest) => unknown])[] = [
    ['replicas', 7, ({ spec }) => spec.replicas],
    ['image', { repository: 'own/image', tag: '7' }, (one) => container(one)['image']],
    ['resources', { limits: { memory: '777Mi' } }, (one) => container(one)['resources']],
    ['podSecurityContext', { runAsUser: 777 }, (one) => podSpec(one)['securityContext']],
    ['containerSecurityContext', { privileged: false }, (one) => container(one)['securityContext']],
    ['probes', { liveness: { periodSeconds: 77 } }, (one) => container(one)['livenessProbe']],
    ['extraEnv', [{ name: 'OWN', value: 'own' }], (one) => container(one)['env']],
    ['extraVolumes', [{ name: 'own', emptyDir: {} }], (one) => podSpec(one)['volumes']],
    [
      'extraVolumeMounts',
      [{ name: 'own', mountPath: '/own' }],
      (one) => container(one)['volumeMounts'],
    ],
    ['nodeSelector', { own: 'true' }, (one) => podSpec(one)['nodeSelector']],
    ['tolerations', [{ key: 'own', operator: 'Exists' }], (one) => podSpec(one)['tolerations']],
    ['affinity', { nodeAffinity: { own: 'true' } }, (one) => podSpec(one)['affinity']],
    [
      'topologySpreadConstraints',
      [{ topologyKey: 'own' }],
      (one) => podSpec(one)['topologySpreadConstraints'],
    ],
    ['priorityClassName', 'own', (one) => podSpec(one)['priorityClassName']],
    ['serviceAccount', { name: 'own' }, (one) => podSpec(one)['serviceAccountName']],
    ['labels', { own: 'true' }, ({ spec }) => spec.template.metadata.labels],
    ['annotations', { own: 'true' }, ({ spec }) => spec.template.metadata.annotations],
    ['strategy', { type: 'Recreate', rollingUpdate: null }, ({ spec }) => spec.strategy],
    ['preStopSeconds', 77, (one) => container(one)['lifecycle'].preStop.sleep.seconds],
    ['terminationGracePeriodSeconds', 777, (one) => podSpec(one)['terminationGracePeriodSeconds']],
  ]
  const podSpec = ({ spec }: Manifest) => spec.template.spec as Manifest
  const container = (one: Manifest) => (podSpec(one)['containers'] as Manifest[])[0] as Manifest
  const arrived: Readonly<Record<string, unknown>> = {
    image: 'registry.example/own/image:7',
    probes: { periodSeconds: 77 },
    resources: { requests: { cpu: '200m', memory: '192Mi' }, limits: { memory: '777Mi' } },
    serviceAccount: 'own',
    strategy: { type: 'Recreate' },
  }
  const all = Object.fromEntries(own.map(([field, value]) => [field, value]))

  test('has no field that is not tried here or by its object', () => {
    const objects = ['autoscaling', 'keda', 'pdb']
    const tried = [...own.map(([field]) => field), ...objects]
    expect(tried.toSorted()).toEqual(Object.keys(blockShape).toSorted())
  })

  test('of a service gets all of it to its Deployment', async () => {
    const deployment = await directory(forDirectory(all))
    for (const [field, value, find] of own) {
      expect({ [field]: find(deployment) }).toEqual({ [field]: holding(arrived[field] ?? value) })
    }
  })

  test('of defaults does, too, where the service says nothing itself', async () => {
    const deployment = await directory({ defaults: all })
    for (const [field, value, find] of own.filter(([name]) => name !== 'resources')) {
      expect({ [field]: find(deployment) }).toEqual({ [field]: holding(arrived[field] ?? value) })
    }
  })

  test('that says false or 0 is heard, although that is little to say', async () => {
    const off = forDirectory({ pdb: { enabled: false }, preStopSeconds: 0 })
    const manifests = await render(external(off))
    const budgets = ofKind(manifests, 'PodDisruptionBudget')
    expect(budgets.map(({ metadata }) => metadata.name)).not.toContain('mailx-directory')
    expect(budgets).toHaveLength(6)
    expect(container(await directory(off))['lifecycle']).toBeUndefined()
  })
})

/** A match for what holds a value among others: an object its fields, a list its items. */
function holding(value: unknown): unknown {
  if (Array.isArray(value)) return expect.arrayContaining(value) as unknown
  return typeof value === 'object' ? (expect.objectContaining(value ?? {}) as unknown) : value
}

describe('an image', () => {
  const of = async (image: object, own: object = {}) =>
    (await directory({ image }, forDirectory({ image: own })))['spec'].template.spec
      .containers[0] as Manifest
  const digest = `sha256:${'a'.repeat(64)}`

  test.each([
    [{ registry: '', repository: 'mailx', tag: '' }, {}, 'mailx:0.1.0', 'IfNotPresent'],
    [{ registry: 'r.example/', repository: 'm', tag: '1' }, {}, 'r.example/m:1', 'IfNotPresent'],
    [
      { tag: '1', digest, pullPolicy: 'Always' },
      {},
      `registry.example/mail/mailx@${digest}`,
      'IfNotPresent',
    ],
    [{ tag: '1', pullPolicy: 'Always' }, {}, 'registry.example/mail/mailx:1', 'Always'],
    [{ tag: '1' }, { tag: '2' }, 'registry.example/mail/mailx:2', 'IfNotPresent'],
    [{ digest }, { tag: '2' }, 'registry.example/mail/mailx:2', 'IfNotPresent'],
    [{ tag: '1' }, { digest }, `registry.example/mail/mailx@${digest}`, 'IfNotPresent'],
  ])('%j with %j of its own is %s, pulled %s', async (all, own, reference, policy) => {
    const { image, imagePullPolicy } = await of(all, own)
    expect(image).toBe(reference)
    expect(imagePullPolicy).toBe(policy)
  })
})

describe('a changed setting replaces the pods that read it', () => {
  const checksums = async (...values: readonly object[]) => {
    const pods = podsOf(await render(external(...values))).filter(
      ({ owner }) => owner.kind === 'Deployment',
    )
    return new Map(
      pods.map(({ owner, metadata }) => [
        owner.metadata.name,
        JSON.stringify(
          Object.entries(metadata['annotations'] as object).filter(([name]) =>
            name.startsWith('checksum/'),
          ),
        ),
      ]),
    )
  }
  const changed = async (...values: readonly object[]) => {
    const [before, after] = [await checksums(), await checksums(...values)]
    return [...after]
      .filter(([name, sum]) => before.get(name) !== sum)
      .map(([name]) => name.replace('mailx-', ''))
  }
  const everyone = [
    'directory',
    'gateway',
    'identity',
    'inbound-federation',
    'outbound-federation',
    'storage',
    'transparency',
  ]

  test.each<[string, object, readonly string[]]>([
    ['a variable of all', { config: { LOG_LEVEL: 'debug' } }, everyone],
    ['a variable of one', forDirectory({ config: { LOOK_UPS_PER_USER: 7 } }), ['directory']],
    ['a further domain', { domains: ['a.example', 'b.example', 'c.example'] }, ['identity']],
    ['an endpoint', { endpoints: { client: 'mailx.{domain}:8445' } }, ['identity']],
    ['where traces go', { telemetry: { endpoint: 'http://collector:4318' } }, everyone],
    ['a resolver', { dns: { resolver: '10.0.0.53:53' } }, ['directory']],
    ['another Secret', { secrets: { busKey: { existingSecret: { name: 'other' } } } }, everyone],
    [
      'the Secret of sessions',
      { secrets: { sessionKey: { existingSecret: { name: 'other' } } } },
      ['gateway', 'identity'],
    ],
  ])('%s', async (_what, values, replaced) => {
    expect((await changed(values)).toSorted()).toEqual(replaced)
  })

  test.each<[string, object]>([
    ['who issues certificates', { existingSecret: '', certManager: { enabled: true } }],
    ['a Secret of certificates', { existingSecret: 'other-{service}' }],
  ])('%s', async (_what, internalTls) => {
    expect((await changed({ internalTls })).toSorted()).toEqual(everyone)
  })

  test('but what is read again by itself does not', async () => {
    expect(await changed({ federation: { list: ['spam.example'] } })).toEqual([])
  })
})
