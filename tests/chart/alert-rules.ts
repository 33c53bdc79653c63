import { profile } from './helm.ts'
import { ofKind, render } from './manifest.ts'

export type AlertRule = {
  readonly alert: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export type AlertGroup = { readonly name: string; readonly rules: readonly AlertRule[] }

/** The alerts of the chart, as it renders them for the namespace `mail`. */
export async function alertGroups(base: string, values: object): Promise<readonly AlertGroup[]> {
  const watching = { monitoring: { prometheusRule: { enabled: true } } }
  const manifests = await render({
    values: [profile(base), watching, values],
    apis: ['monitoring.coreos.com/v1/PrometheusRule'],
  })
  return ofKind(manifests, 'PrometheusRule').flatMap(({ spec }) => spec.groups as AlertGroup[])
}
