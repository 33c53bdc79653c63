import * as z from 'zod'
import type { Manifest } from './manifest.ts'
import { operatorSchemas } from './operator-schemas.ts'

type Model = new (data: never) => { validate(): void }

/** Where a model of an API group lives. */
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

/** What the schema of its kind says against an object. */
export async function schemaProblem(manifest: Manifest): Promise<string | undefined> {
  const [version = '', group = ''] = manifest.apiVersion.split('/').toReversed()
  const own = operatorSchemas[`${group}/${manifest.kind}`]?.safeParse(manifest)
  if (own !== undefined) return own.error && z.prettifyError(own.error)
  const [, nameOf] = packages.find(([pattern]) => pattern.test(group)) ?? []
  if (nameOf === undefined) return `there is no schema of ${manifest.apiVersion} ${manifest.kind}`
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
