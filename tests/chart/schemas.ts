import type { Manifest } from './manifest.ts'

type Model = new (data: never) => { validate(): void }

/** Where a model of an API group lives; CloudNativePG has none. */
const packages: readonly (readonly [RegExp, (group: string, version: string) => string])[] = [
  [
    /^(monitoring\.coreos\.com)$/,
    (group, version) => `@kubernetes-models/prometheus-operator/${group}/${version}`,
  ],
  [/^keda\.sh$/, (group, version) => `@kubernetes-models/keda/${group}/${version}`],
  [
    /^gateway\.networking\.k8s\.io$/,
    (group, version) => `@kubernetes-models/gateway-api/${group}/${version}`,
  ],
  [/^cert-manager\.io$/, (group, version) => `@kubernetes-models/cert-manager/${group}/${version}`],
  [/^$/, (_, version) => `kubernetes-models/${version}`],
  [/^([a-z]+|.+\.k8s\.io)$/, (group, version) => `kubernetes-models/${group}/${version}`],
]

/** What the published schema of its kind says against an object; undefined where there is no schema. */
export async function schemaProblem(manifest: Manifest): Promise<string | undefined> {
  const [version = '', group = ''] = manifest.apiVersion.split('/').toReversed()
  const [, nameOf] = packages.find(([pattern]) => pattern.test(group)) ?? []
  if (nameOf === undefined) return undefined
  const models = (await import(nameOf(group, version))) as Readonly<
    Record<string, Model | undefined>
  >
  const Kind = models[manifest.kind]
  if (Kind === undefined) return `${manifest.apiVersion} has no ${manifest.kind}`
  try {
    new Kind(manifest as never).validate()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
