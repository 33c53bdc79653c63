import { callerNames } from '@mailx/grpc/service-id'
import { principals } from '@mailx/privileges/services'
import { beforeAll, describe, expect, test } from 'vitest'
import { kubernetesVersions, profile, template } from './helm.ts'
import { isOwnKind, unknownFields } from './kubernetes-types.ts'
import { called, type Manifest, ofKind, render } from './manifest.ts'
import * as network from './network-policies.ts'
import * as access from './own-access.ts'
import * as pods from './pod-policies.ts'
import * as references from './reference-policies.ts'
import { allRenderings, monitoring, problemsIn, type Rendering } from './renderings.ts'
import { schemaProblem } from './schemas.ts'

let renderings: readonly Rendering[]
beforeAll(async () => {
  renderings = await allRenderings()
}, 400_000)

const problems = (check: (manifests: readonly Manifest[], name: string) => readonly string[]) =>
  problemsIn(renderings, check)

/** What the values of the profiles say is there already. */
const declared = [
  'ca-of-postgres',
  'tls-of-postgres',
  'tls-of-nats',
  'ca-of-redis',
  'mailx',
  'mailx-keys',
  'mailx-kek',
  'mailx-postgres',
  'mailx-nats-routes',
  'mailx-valkey',
  ...callerNames.map((name) => `tls-of-${name}`),
  ...principals.map((name) => `access-of-${name}`),
]

test('the renderings are many, and no two the same', () => {
  const texts = renderings.map(({ manifests }) => JSON.stringify(manifests))
  expect(texts.length).toBeGreaterThan(25)
  expect(new Set(texts).size).toBe(texts.length)
})

describe('types', () => {
  test('Kubernetes knows every field of its own kinds', () => {
    expect(problems((manifests) => manifests.flatMap(unknownFields))).toEqual([])
    const kinds = new Set(
      renderings.flatMap(({ manifests }) => manifests.filter(isOwnKind).map(({ kind }) => kind)),
    )
    expect([...kinds].toSorted()).toEqual(
      expect.arrayContaining([
        'ConfigMap',
        'Deployment',
        'HorizontalPodAutoscaler',
        'Job',
        'NetworkPolicy',
        'Service',
      ]),
    )
  })

  test('every object is as the schema of its kind wants it', async () => {
    const found: string[] = []
    for (const { name, manifests } of renderings) {
      for (const manifest of manifests) {
        const problem = await schemaProblem(manifest)
        if (problem !== undefined) found.push(`${name}: ${called(manifest)}: ${problem}`)
      }
    }
    expect(found).toEqual([])
  })

  test("so are those of operators' kinds, and what is misspelt in one is found", async () => {
    const all = renderings.flatMap(({ manifests }) => manifests)
    const [cluster] = ofKind(all, 'Cluster')
    const [external] = ofKind(all, 'ExternalSecret')
    const broken = structuredClone([cluster, external]) as [Manifest, Manifest]
    broken[0]['spec'].instnces = 3
    broken[0]['spec'].storage.size = 'much'
    delete broken[1]['spec'].secretStoreRef.name
    expect(await schemaProblem(broken[0])).toMatch(/instnces[^]*storage\.size/)
    expect(await schemaProblem(broken[1])).toContain('secretStoreRef.name')
    const strange = { ...broken[0], apiVersion: 'example.com/v1' }
    expect(await schemaProblem(strange)).toBe('there is no schema of example.com/v1 Cluster')
  })

  test.each(kubernetesVersions)('all of it is the same for Kubernetes %s', async (kubernetes) => {
    for (const name of ['large', 'external']) {
      const found = renderings.find((one) => one.name === name)
      const own = await render({ values: [profile(name)], apis: monitoring, kubernetes })
      expect(own).toEqual(found?.manifests)
    }
  })

  test('an older Kubernetes than the chart names is refused', async () => {
    const [oldest = ''] = kubernetesVersions
    const older = oldest.replace(/\.(\d+)\./, (_all, minor: string) => `.${Number(minor) - 1}.`)
    await expect(template({ values: [profile('minimal')], kubernetes: older })).rejects.toThrow(
      /incompatible with Kubernetes/,
    )
  })

  test('a field that is misspelt and a scalar of another type are found', () => {
    const [deployment] = ofKind(renderings[0]?.manifests ?? [], 'Deployment')
    const broken = structuredClone(deployment) as Manifest
    broken['spec'].template.spec.containers[0].imagePulPolicy = 'Always'
    Object.assign(broken.metadata, { labels: { tier: 1 } })
    expect(unknownFields(broken)).toEqual([
      'Deployment.metadata.labels.tier is no string',
      'Deployment.spec.template.spec.containers[0].imagePulPolicy is no field',
    ])
  })
})

describe('pods', () => {
  test.each([
    [
      'are restricted, as Pod Security calls it, with a file system that stays as it is',
      pods.restricted,
    ],
    ['request CPU and memory, and have a limit of memory alone', pods.sized],
    [
      'have no token of the API, but for Jobs that make secrets, certificates and access',
      pods.tokens,
    ],
    ['are probed where they serve, and not where they end by themselves', pods.probes],
    ['are probed on the ops port, each probe at its path', pods.opsProbes],
    ['have named ports, each once', pods.ports],
    ['are given the time to stop', pods.grace],
    ['are spread over zones', pods.spread],
    ['may leave a node one at a time, and no budget guards a single pod', pods.budgets],
    ['run images by version or digest', pods.images],
    ['have no secret in their environment', pods.quietEnvironment],
  ])('pods %s', (_sentence, check) => {
    expect(problems(check)).toEqual([])
  })
})

describe('references', () => {
  test('every mounted Secret and ConfigMap is there, or declared to be', () => {
    expect(problems((manifests) => references.missingReferences(manifests, declared))).toEqual([])
    expect(problems((manifests) => references.missingReferences(manifests, []))).not.toEqual([])
  })

  test('nobody has made a ConfigMap in vain', () => {
    expect(problems(references.unusedConfig)).toEqual([])
  })

  test('volumes and mounts are the same', () => {
    expect(problems(references.mounts)).toEqual([])
  })

  test('selectors pick their pods, Services lead to ports that are there', () => {
    expect(problems(references.selectors)).toEqual([])
  })

  test('what an object names is there', () => {
    expect(problems(references.namedObjects)).toEqual([])
  })

  test('names are short enough, and each is there once', () => {
    expect(problems(references.names)).toEqual([])
  })

  test('everything is in the namespace of the release', () => {
    const elsewhere = (manifests: readonly Manifest[]) =>
      manifests.filter(({ metadata }) => metadata['namespace'] !== 'mail').map(called)
    expect(problems(elsewhere)).toEqual([])
  })

  test('no role may do anything, and secrets are read by name', () => {
    const ofPods = (resources: readonly string[]) => resources.every((one) => /^pods\b/.test(one))
    const wide = (manifests: readonly Manifest[]) =>
      ofKind(manifests, 'Role', 'ClusterRole').flatMap((role) =>
        (role['rules'] as Manifest[])
          .filter(
            ({ resources, resourceNames, verbs }) =>
              resources.includes('*') ||
              verbs.includes('*') ||
              (resourceNames === undefined && String(verbs) !== 'create' && !ofPods(resources)),
          )
          .map(() => called(role)),
      )
    expect(problems(wide)).toEqual([])
  })

  test('hooks are for tests alone: Jobs that install runs first would find nothing there', () => {
    const hooks = (manifests: readonly Manifest[]) =>
      manifests
        .filter(({ metadata }) => {
          const hook = (metadata['annotations'] as Record<string, string> | undefined)?.[
            'helm.sh/hook'
          ]
          return hook !== undefined && hook !== 'test'
        })
        .map(called)
    expect(problems(hooks)).toEqual([])
  })
})

describe('least privilege', () => {
  test('a service is given its own password and seed alone, migrations passwords, NATS public keys', () => {
    expect(problems(access.ownAccessAlone)).toEqual([])
  })

  test('only migrations are the owner of the database', () => {
    expect(problems(access.ownerAlone)).toEqual([])
  })

  test('every service has a role of its own, and waits as that until the database is prepared', () => {
    expect(problems(access.waits)).toEqual([])
    expect(problems(access.ownRoles)).toEqual([])
  })

  test("a pod with another's password, with the owner's way in, or that does not wait, is found", () => {
    const external = renderings.find(({ name }) => name === 'external')?.manifests ?? []
    const broken = structuredClone(external) as Manifest[]
    for (const one of ofKind(broken, 'Deployment')) {
      const { spec } = one['spec'].template as Manifest
      if (one.metadata.name !== 'mailx-gateway') continue
      delete spec.initContainers
      spec.volumes.push({ name: 'other', secret: { secretName: 'access-of-identity' } })
      for (const { secret } of spec.volumes.flatMap(
        ({ projected }: Manifest) => projected?.sources ?? [],
      ))
        if (secret.name === 'access-of-gateway') secret.name = 'access-of-storage'
      spec.containers[0].env.push({ name: 'MIGRATION_DATABASE_URL_FILE', value: '/x' })
    }
    expect(access.ownAccessAlone(broken)).toEqual([
      'Deployment/mailx-gateway is given DATABASE_PASSWORD of access-of-storage',
      'Deployment/mailx-gateway is given NATS_SEED of access-of-storage',
      'Deployment/mailx-gateway is given everything of access-of-identity',
      'Deployment/mailx-gateway has DATABASE_PASSWORD,NATS_SEED,everything of its own',
    ])
    expect(access.waits(broken)).toEqual([
      'Deployment/mailx-gateway does not wait for the database',
    ])
    expect(access.ownerAlone(broken)).toEqual([
      'Deployment/mailx-gateway is the owner of the database',
    ])
  })
})

describe('keys of domains', () => {
  const isKept = ({ metadata }: Manifest) =>
    (metadata['annotations'] as Record<string, string> | undefined)?.['helm.sh/resource-policy'] ===
    'keep'

  test('no Secret and no database of the release goes with it', () => {
    const lost = (manifests: readonly Manifest[]) =>
      ofKind(manifests, 'Secret', 'Cluster')
        .filter((one) => !isKept(one))
        .map(called)
    expect(problems(lost)).toEqual([])
    const kept = renderings.flatMap(({ manifests }) => ofKind(manifests, 'Secret', 'Cluster'))
    expect(new Set(kept.map(({ kind }) => kind))).toEqual(new Set(['Secret', 'Cluster']))
  })
})

describe('network', () => {
  test('every pod is shut off by default', () => {
    expect(problems(network.defaultDeny)).toEqual([])
  })

  test('only outbound-federation and directory, or all in one, reach the Internet', () => {
    const others = (manifests: readonly Manifest[]) =>
      [...network.reachTheInternet(manifests).keys()].filter(
        (name) => !['outbound-federation', 'directory', 'all-in-one'].includes(name),
      )
    expect(problems(others)).toEqual([])
    const large = renderings.find(({ name }) => name === 'large')
    expect([...network.reachTheInternet(large?.manifests ?? []).keys()].toSorted()).toEqual([
      'directory',
      'outbound-federation',
    ])
  })

  test('who reaches the Internet reaches nothing private and no metadata', () => {
    const tooMuch = (manifests: readonly Manifest[], name: string) => {
      const isDevelopment = ['dev', 'static peers', 'seven with servers of the chart'].includes(
        name,
      )
      const blocked = isDevelopment
        ? ['169.254.0.0/16']
        : [
            '10.0.0.0/8',
            '100.64.0.0/10',
            '127.0.0.0/8',
            '169.254.0.0/16',
            '172.16.0.0/12',
            '192.168.0.0/16',
          ]
      return [...network.reachTheInternet(manifests)].flatMap(([component, except]) =>
        blocked
          .filter((range) => !except.includes(range))
          .map((range) => `${component} reaches ${range}`),
      )
    }
    expect(problems(tooMuch)).toEqual([])
  })

  test('nor does it by what is meant for a server, a collector or a resolver', () => {
    expect(problems(network.privateAtPeerPorts)).toEqual([])
    const external = renderings.find(({ name }) => name === 'a collector at a port of peers')
    const broken = structuredClone(external?.manifests ?? []) as Manifest[]
    const [directory] = ofKind(broken, 'NetworkPolicy').filter(
      ({ metadata }) => metadata.name === 'mailx-directory',
    )
    directory?.['spec'].egress.push(
      { to: [{ ipBlock: { cidr: '10.0.0.0/8' } }], ports: [{ port: 443 }] },
      { ports: [{ port: 8443 }] },
      { to: [{ ipBlock: { cidr: '192.168.1.7/32' } }], ports: [{ port: 443 }] },
      { to: [{ ipBlock: { cidr: 'fd00::/8' } }], ports: [{ port: 4318 }] },
    )
    expect(network.privateAtPeerPorts(broken)).toEqual([
      'NetworkPolicy/mailx-directory reaches 10.0.0.0/8 where peers are',
      'NetworkPolicy/mailx-directory reaches anything where peers are',
    ])
  })

  test('a resolver is reached at its address and nowhere else', () => {
    const found = renderings.flatMap(({ manifests, name }) =>
      ofKind(manifests, 'NetworkPolicy')
        .filter(({ metadata }) => metadata.name === 'mailx-directory')
        .flatMap(({ spec }) => spec.egress as Manifest[])
        .filter(({ ports }) => /^(53|5353)$/.test(String(ports[0].port)))
        .filter(({ to }) => to?.[0].ipBlock !== undefined)
        .map(({ ports, to }) => `${name}: ${to[0].ipBlock.cidr} ${ports[0].port}`),
    )
    expect(found).toEqual(
      expect.arrayContaining([
        'a resolver that is trusted: 10.0.0.53/32 53',
        'a resolver by IPv6: fd00::53/128 5353',
      ]),
    )
  })

  test('the only ways out without a destination lead to the API and to oneself', () => {
    const known =
      /-(?:make-secrets|certificates|access|operator) to 443,6443$|self-test to 53,53(,\d+)+$/
    expect(problems(network.openEgress).filter((one) => !known.test(one))).toEqual([])
  })
})
