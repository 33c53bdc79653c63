import { called, type Manifest, ofKind, picks, podsOf } from './manifest.ts'

type Rule = {
  readonly to?: readonly Peer[]
  readonly ports?: readonly { readonly port: unknown }[]
}
type Peer = { readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] } }

const isWorld = ({ ipBlock }: Peer) =>
  ipBlock !== undefined && ['0.0.0.0/0', '::/0', '2000::/3'].includes(ipBlock.cidr)

const policiesFor = (manifests: readonly Manifest[], labels: Readonly<Record<string, string>>) =>
  ofKind(manifests, 'NetworkPolicy').filter((policy) =>
    picks((policy['spec'].podSelector.matchLabels as object | undefined) ?? {}, labels),
  )

/** Whatever is not let through is stopped, for every pod of the release. */
export function defaultDeny(manifests: readonly Manifest[]): string[] {
  if (ofKind(manifests, 'NetworkPolicy').length === 0) return []
  return podsOf(manifests).flatMap(({ owner, metadata }) => {
    const policies = policiesFor(manifests, metadata['labels'] as Record<string, string>)
    const denies = policies.some(
      ({ spec }) =>
        spec.ingress === undefined && spec.egress === undefined && spec.policyTypes.length === 2,
    )
    return denies ? [] : [`${called(owner)} is not denied by default`]
  })
}

/** Components whose pods may reach addresses on the Internet, with what is left out of it. */
export function reachTheInternet(manifests: readonly Manifest[]): Map<string, readonly string[]> {
  const reach = new Map<string, readonly string[]>()
  for (const { metadata } of podsOf(manifests)) {
    const labels = metadata['labels'] as Record<string, string>
    const rules = policiesFor(manifests, labels).flatMap(
      ({ spec }) => (spec.egress as Rule[] | undefined) ?? [],
    )
    const blocks = rules.flatMap(({ to = [] }) => to).filter(isWorld)
    if (blocks.length > 0) {
      const component = labels['app.kubernetes.io/component'] ?? ''
      reach.set(
        component,
        blocks.flatMap(({ ipBlock }) => ipBlock?.except ?? []),
      )
    }
  }
  return reach
}

const PRIVATE =
  /^(0|10|127|169\.254|192\.168|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[789]\d|1[01]\d|12[0-7]))\.|^f[cde]|^::/
const isOneHost = (cidr: string) => /\.\d+\/32$|:.*\/128$/.test(cidr)

/**
 * Who dials what strangers name: ports of peers at which a rule of another purpose lets it reach more
 * of what is private than one host. Rules add up, whatever each was meant for.
 */
export function privateAtPeerPorts(manifests: readonly Manifest[]): string[] {
  const all = ofKind(manifests, 'NetworkPolicy')
  return all.flatMap((policy) => {
    const rules = (policy['spec'].egress as Rule[] | undefined) ?? []
    const peerPorts = rules
      .filter(({ to = [] }) => to.some(isWorld))
      .flatMap(({ ports = [] }) => ports.map(({ port }) => String(port)))
    return rules.flatMap(({ ports = [], to }) => {
      const shared = ports.filter(({ port }) => peerPorts.includes(String(port)))
      if (ports.length > 0 && shared.length === 0) return []
      const wide =
        to === undefined
          ? ['anything']
          : to.flatMap(({ ipBlock }) =>
              ipBlock !== undefined && PRIVATE.test(ipBlock.cidr) && !isOneHost(ipBlock.cidr)
                ? [ipBlock.cidr]
                : [],
            )
      return wide
        .filter((cidr) => !['0.0.0.0/0', '::/0'].includes(cidr))
        .map((cidr) => `${called(policy)} reaches ${cidr} where peers are`)
    })
  })
}

/** Rules without a destination let a pod go anywhere: none but those that the API needs. */
export const openEgress = (manifests: readonly Manifest[]): string[] =>
  ofKind(manifests, 'NetworkPolicy').flatMap((policy) =>
    ((policy['spec'].egress as Rule[] | undefined) ?? [])
      .filter(({ to }) => to === undefined)
      .map(
        ({ ports = [] }) =>
          `${called(policy)} to ${ports.map(({ port }) => String(port)).join(',') || 'anything'}`,
      ),
  )
