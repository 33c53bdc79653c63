import { called, containersOf, type Manifest, ofKind, picks, podsOf } from './manifest.ts'

type Volume = Readonly<Record<string, Manifest | undefined>> & { readonly name: string }
type Source = Readonly<Record<string, { name?: string; items?: { key: string }[] } | undefined>>

/** What a pod takes from a ConfigMap or Secret, as "Secret/name" with the keys it wants. */
function wants(spec: Manifest): { readonly what: string; readonly keys: readonly string[] }[] {
  const volumes = (spec['volumes'] as Volume[] | undefined) ?? []
  const sources = volumes.flatMap((volume) => [
    ...((volume['projected']?.['sources'] as Source[] | undefined) ?? []),
    {
      secret: { ...volume['secret'], name: volume['secret']?.['secretName'] },
      configMap: volume['configMap'],
    } as Source,
  ])
  const mounted = sources.flatMap(({ secret, configMap }) => [
    {
      what: `Secret/${secret?.name}`,
      keys: (secret?.items ?? []).map(({ key }) => key),
      of: secret?.name,
    },
    {
      what: `ConfigMap/${configMap?.name}`,
      keys: (configMap?.items ?? []).map(({ key }) => key),
      of: configMap?.name,
    },
  ])
  const read = containersOf(spec).flatMap((container) =>
    ((container['envFrom'] as Manifest[] | undefined) ?? []).map((from) => ({
      what: `ConfigMap/${String(from['configMapRef']?.name)}`,
      keys: [],
      of: from['configMapRef']?.name as string | undefined,
    })),
  )
  return [...mounted, ...read].filter(({ of }) => of !== undefined)
}

/** Secrets that are not of the release: made by its Job, by CloudNativePG, or named by the operator. */
function comesFromElsewhere(
  what: string,
  manifests: readonly Manifest[],
  declared: readonly string[],
) {
  const name = what.replace('Secret/', '')
  if (name.endsWith('-generated'))
    return ofKind(manifests, 'Job').some((job) => job.metadata.name.includes('make-secrets'))
  if (/-(?:internal|access)-[a-z-]+$/.test(name)) {
    const issued = ofKind(manifests, 'Certificate').some((one) => one['spec'].secretName === name)
    const written = ofKind(manifests, 'Role').some(({ rules }) =>
      (rules as Manifest[]).some(({ resourceNames = [] }) => resourceNames.includes(name)),
    )
    return issued || written || declared.includes(name)
  }
  if (name.endsWith('-postgres-app'))
    return ofKind(manifests, 'Cluster').some((one) => `${one.metadata.name}-app` === name)
  return declared.includes(name)
}

/** Every ConfigMap and Secret that is mounted is there, with the keys that are wanted of it. */
export function missingReferences(
  manifests: readonly Manifest[],
  declared: readonly string[],
): string[] {
  return podsOf(manifests).flatMap(({ owner, spec }) =>
    wants(spec).flatMap(({ what, keys }) => {
      const object = manifests.find((manifest) => called(manifest) === what)
      if (object === undefined) {
        const isElsewhere =
          what.startsWith('Secret/') && comesFromElsewhere(what, manifests, declared)
        return isElsewhere ? [] : [`${called(owner)} wants ${what}, which is not there`]
      }
      const has = Object.keys({ ...object['data'], ...object['stringData'] })
      return keys.filter((key) => !has.includes(key)).map((key) => `${what} has no key ${key}`)
    }),
  )
}

/** No ConfigMap lies about that nobody reads; dashboards are for Grafana. */
export function unusedConfig(manifests: readonly Manifest[]): string[] {
  const used = new Set(podsOf(manifests).flatMap(({ spec }) => wants(spec).map(({ what }) => what)))
  return ofKind(manifests, 'ConfigMap', 'Secret')
    .filter(
      (one) => !('grafana_dashboard' in ((one.metadata['labels'] as object | undefined) ?? {})),
    )
    .map(called)
    .filter((name) => !used.has(name))
    .map((name) => `nobody reads ${name}`)
}

/** Volumes and mounts are the same set. */
export const mounts = (manifests: readonly Manifest[]): string[] =>
  podsOf(manifests).flatMap(({ owner, spec }) => {
    const templates = (owner['spec'].volumeClaimTemplates as Manifest[] | undefined) ?? []
    const volumes = [
      ...((spec['volumes'] as Volume[] | undefined) ?? []).map(({ name }) => name),
      ...templates.map(({ metadata }) => metadata.name),
    ]
    const mounted = new Set(
      containersOf(spec).flatMap((container) =>
        ((container['volumeMounts'] as Manifest[] | undefined) ?? []).map((one) =>
          String(one['name']),
        ),
      ),
    )
    return [
      ...volumes
        .filter((name) => !mounted.has(name))
        .map((name) => `${called(owner)}: nobody mounts ${name}`),
      ...[...mounted]
        .filter((name) => !volumes.includes(name))
        .map((name) => `${called(owner)}: no volume ${name}`),
    ]
  })

/** Selectors pick the pods they are for; a Service leads to ports that the pods have. */
export function selectors(manifests: readonly Manifest[]): string[] {
  const pods = podsOf(manifests)
  const labelsOf = (pod: (typeof pods)[number]) => pod.metadata['labels'] as Record<string, string>
  const own = pods.flatMap((pod) => {
    const { selector } = pod.owner['spec'] as { selector?: { matchLabels: object } }
    const isPicked = selector === undefined || picks(selector.matchLabels, labelsOf(pod))
    return isPicked ? [] : [`${called(pod.owner)} does not select its own pods`]
  })
  const services = ofKind(manifests, 'Service').flatMap((service) => {
    const led = pods.filter((pod) => picks(service['spec'].selector as object, labelsOf(pod)))
    if (led.length !== 1) return [`${called(service)} leads to ${led.length} kinds of pods`]
    const has = containersOf((led[0] as (typeof pods)[number]).spec).flatMap((container) =>
      ((container['ports'] as Manifest[] | undefined) ?? []).map((port) => port['name'] as string),
    )
    return (service['spec'].ports as Manifest[])
      .filter((port) => !has.includes(port['targetPort'] as string))
      .map(
        (port) =>
          `${called(service)} leads to a port ${String(port['targetPort'])} that no container has`,
      )
  })
  return [...own, ...services]
}

/** Objects of the release that others name are there: backends of routes, scale targets, accounts. */
export function namedObjects(manifests: readonly Manifest[]): string[] {
  const there = new Set(manifests.map(called))
  const missing = (by: Manifest, what: string) =>
    there.has(what) ? [] : [`${called(by)} names ${what}, which is not there`]
  return manifests.flatMap((manifest) => {
    const spec: Manifest = manifest['spec'] ?? {}
    switch (manifest.kind) {
      case 'TLSRoute':
      case 'HTTPRoute':
      case 'GRPCRoute':
        return (spec['rules'] as Manifest[]).flatMap((rule) =>
          (rule['backendRefs'] as Manifest[]).flatMap((ref) => {
            const what = `Service/${String(ref['name'])}`
            const service = manifests.find((one) => called(one) === what)
            const ports = ((service?.['spec'].ports as Manifest[] | undefined) ?? []).map(
              (port) => port['port'],
            )
            return ports.includes(ref['port'])
              ? []
              : [`${called(manifest)} names port ${ref['port']} of ${what}`]
          }),
        )
      case 'HorizontalPodAutoscaler':
      case 'ScaledObject':
        return missing(manifest, `Deployment/${String(spec['scaleTargetRef'].name)}`)
      case 'RoleBinding':
        return [
          ...missing(manifest, `Role/${String(manifest['roleRef'].name)}`),
          ...(manifest['subjects'] as Manifest[]).flatMap((one) =>
            missing(manifest, `ServiceAccount/${String(one['name'])}`),
          ),
        ]
      case 'Deployment':
      case 'CronJob':
      case 'Job': {
        const { template } = (spec['jobTemplate']?.spec ?? spec) as Manifest
        const account = String(template.spec.serviceAccountName ?? 'default')
        return ['default', 'mail', 'undefined'].includes(account)
          ? []
          : missing(manifest, `ServiceAccount/${account}`)
      }
      default:
        return []
    }
  })
}

const limit = ({ kind }: Manifest) => (kind === 'Service' || kind === 'StatefulSet' ? 63 : 253)

/** Two objects of one name would overwrite each other. */
export function names(manifests: readonly Manifest[]): string[] {
  const all = manifests.map((one) => `${one.apiVersion} ${called(one)}`)
  const twice = all.filter((name, at) => all.indexOf(name) !== at)
  const long = manifests.filter((one) => one.metadata.name.length > limit(one))
  const labels = manifests.flatMap((one) =>
    Object.entries((one.metadata['labels'] as Record<string, unknown> | undefined) ?? {}).filter(
      ([, value]) =>
        typeof value !== 'string' ||
        !/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/.test(value),
    ),
  )
  return [
    ...twice.map((name) => `${name} is there twice`),
    ...long.map((one) => `the name of ${called(one)} is too long`),
    ...labels.map(([key, value]) => `${key}=${String(value)} is no label`),
  ]
}
