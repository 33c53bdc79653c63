import { called, containersOf, type Manifest, ofKind, podsOf } from './manifest.ts'

type Source = {
  readonly secret?: {
    readonly name: string
    readonly items: readonly { readonly key: string; readonly path: string }[]
  }
}

type Taken = { readonly secret: string; readonly key: string; readonly path: string }

const everything = [{ key: 'everything', path: '' }]

/** What a pod is given out of the Secrets by which processes are told apart, key by key. */
function takenBy(spec: Manifest): Taken[] {
  const volumes = (spec['volumes'] as Manifest[] | undefined) ?? []
  return volumes
    .flatMap(({ projected, secret }): Source[] => [
      ...((projected?.sources ?? []) as Source[]),
      // A whole Secret, where no items are chosen of it.
      ...(secret === undefined
        ? []
        : [{ secret: { name: secret.secretName, items: secret.items ?? everything } }]),
    ])
    .flatMap(({ secret }) => (secret?.items ?? []).map((item) => ({ ...item, secret })))
    .map(({ key, path, secret }) => ({ secret: secret?.name ?? '', key, path }))
    .filter(({ secret }) => /(^|-)access-/.test(secret))
}

const componentOf = (manifest: Manifest): string =>
  (manifest['labels'] as Record<string, string>)['app.kubernetes.io/component'] ?? ''

const services = [
  'identity',
  'transparency',
  'directory',
  'storage',
  'outbound-federation',
  'inbound-federation',
  'gateway',
  'all-in-one',
]

/** Of every pod of the release: whose Secrets it may have, and what of them. */
function allowed(component: string, one: Taken): boolean {
  const { key, path, secret } = one
  if (services.includes(component)) {
    return /access-(?:of-)?/.test(secret) && secret.replace(/^.*access-(?:of-)?/, '') === component
  }
  if (component === 'migrations') {
    return key === 'DATABASE_PASSWORD' && secret.replace(/^.*access-(?:of-)?/, '') === path
  }
  if (component === 'operator') {
    return key === 'DATABASE_PASSWORD' && /access-(?:of-)?operator$/.test(secret)
  }
  return component === 'nats' && key === 'public-keys.conf'
}

/** A service is given its own password and seed and no other's; who migrates no seeds; NATS no secret. */
export const ownAccessAlone = (manifests: readonly Manifest[]): string[] =>
  podsOf(manifests).flatMap(({ owner, metadata, spec }) => {
    const component = componentOf(metadata)
    const taken = takenBy(spec)
    const isService = owner.kind === 'Deployment' && services.includes(component)
    const has = taken.map(({ key }) => key).toSorted()
    const lacks = isService && has.join() !== 'DATABASE_PASSWORD,NATS_SEED'
    return [
      ...taken
        .filter((one) => !allowed(component, one))
        .map((one) => `${called(owner)} is given ${one.key} of ${one.secret}`),
      ...(lacks ? [`${called(owner)} has ${has.join()} of its own`] : []),
    ]
  })

/** Only migrations have the way of the database's owner. */
export const ownerAlone = (manifests: readonly Manifest[]): string[] =>
  podsOf(manifests).flatMap(({ owner, metadata, spec }) => {
    const isOwner = JSON.stringify(spec).includes('MIGRATION_DATABASE_URL')
    return isOwner && componentOf(metadata) !== 'migrations'
      ? [`${called(owner)} is the owner of the database`]
      : []
  })

const urlOf = (container: Manifest): unknown =>
  (container['env'] as Manifest[]).find(({ name }) => name === 'DATABASE_URL')?.['value']

const neededToWait = ['/tmp', '/etc/mailx/secrets/DATABASE_PASSWORD', '/etc/mailx/database']

/** Every service waits for the database as its own role, given nothing but that role's password. */
export const waits = (manifests: readonly Manifest[]): string[] =>
  podsOf(manifests).flatMap(({ owner, metadata, spec }) => {
    const component = componentOf(metadata)
    const [first] = (spec['initContainers'] as Manifest[] | undefined) ?? []
    if (owner.kind !== 'Deployment' || !services.includes(component)) {
      return first === undefined ? [] : [`${called(owner)} waits for something`]
    }
    if (first === undefined) return [`${called(owner)} does not wait for the database`]
    const own = containersOf(spec).find(({ name }) => name === component) as Manifest
    const paths = (first['volumeMounts'] as Manifest[]).map((mount) => String(mount['mountPath']))
    return [
      ...(String(first['args']) === `all-in-one,wait-for-database,${component}`
        ? []
        : [`${called(owner)} runs ${String(first['args'])}`]),
      ...(urlOf(first) === urlOf(own) && first['image'] === own['image']
        ? []
        : [`${called(owner)} waits for another than its own`]),
      ...paths
        .filter((path) => !neededToWait.includes(path))
        .map((path) => `${called(owner)} is given ${path} while it waits`),
    ]
  })

/** No two services work as the same role. */
export const ownRoles = (manifests: readonly Manifest[]): string[] => {
  const urls = ofKind(manifests, 'Deployment').flatMap(({ spec }) =>
    (spec.template.spec.initContainers ?? []).flatMap((one: Manifest) =>
      (one['env'] as Manifest[])
        .filter(({ name }) => name === 'DATABASE_URL')
        .map((variable) => String(variable['value'])),
    ),
  ) as string[]
  return urls.filter((url, at) => urls.indexOf(url) !== at)
}
