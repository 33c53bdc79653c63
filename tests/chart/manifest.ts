import { parseAllDocuments } from 'yaml'
import { type RenderOptions, template } from './helm.ts'

/** A rendered object, loosely: what is looked into is what the check is about. */
// biome-ignore lint: manifests are data of many shapes
export type Manifest = Record<string, any> & {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly [field: string]: unknown }
}

/** The objects of a rendering. Kubernetes reads YAML 1.1, so that is how they are read here. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text, { version: '1.1' }).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0] as Error
    const object = document.toJS() as Manifest | null
    return object === null ? [] : [object]
  })
}

const rendered = new Map<string, Promise<readonly Manifest[]>>()

/** The objects of the chart with these options: the same are rendered once, and must not be changed. */
export function render(options: RenderOptions): Promise<readonly Manifest[]> {
  const key = JSON.stringify(options)
  const known = rendered.get(key)
  if (known !== undefined) return known
  const made = template(options).then(parseManifests)
  rendered.set(key, made)
  return made
}

export const ofKind = (manifests: readonly Manifest[], ...kinds: readonly string[]): Manifest[] =>
  manifests.filter(({ kind }) => kinds.includes(kind))

export const called = (manifest: Manifest): string => `${manifest.kind}/${manifest.metadata.name}`

const workloads = ['Deployment', 'StatefulSet', 'Job', 'CronJob', 'Pod']

export type PodOf = {
  readonly owner: Manifest
  readonly metadata: Manifest
  readonly spec: Manifest
}

/** The pod templates of a rendering, with what they belong to. */
export const podsOf = (manifests: readonly Manifest[]): PodOf[] =>
  ofKind(manifests, ...workloads).map((owner) => {
    const { metadata, spec } = podOf(owner)
    return { owner, metadata: metadata as never, spec: spec as Manifest }
  })

function podOf(owner: Manifest): Manifest {
  switch (owner.kind) {
    case 'Pod':
      return owner
    case 'CronJob':
      return owner['spec'].jobTemplate.spec.template as Manifest
    default:
      return owner['spec'].template as Manifest
  }
}

export const containersOf = (spec: Manifest): Manifest[] => [
  ...((spec['initContainers'] as Manifest[] | undefined) ?? []),
  ...(spec['containers'] as Manifest[]),
]

/** Whether labels are picked by matchLabels. */
export const picks = (matchLabels: object, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value)
