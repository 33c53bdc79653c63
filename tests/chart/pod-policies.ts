import { called, containersOf, type Manifest, ofKind, type PodOf, podsOf } from './manifest.ts'

type Check = (manifests: readonly Manifest[]) => string[]

const eachPod =
  (check: (pod: PodOf) => readonly string[]): Check =>
  (manifests) =>
    podsOf(manifests).flatMap((pod) => check(pod).map((what) => `${called(pod.owner)} ${what}`))

const eachContainer = (check: (container: Manifest, pod: PodOf) => readonly string[]): Check =>
  eachPod((pod) =>
    containersOf(pod.spec).flatMap((container) =>
      check(container, pod).map((what) => `${String(container['name'])} ${what}`),
    ),
  )

const unless = (holds: boolean, what: string): string[] => (holds ? [] : [what])

/** Pod Security Standards, level restricted, and a file system that stays as it is. */
export const restricted: Check = (manifests) => [
  ...eachPod(({ spec }) => [
    ...unless(spec['securityContext']?.runAsNonRoot === true, 'may run as root'),
    ...unless(spec['securityContext']?.runAsUser > 0, 'has no user of its own'),
    ...unless(spec['securityContext']?.seccompProfile?.type === 'RuntimeDefault', 'has no seccomp'),
    ...unless(
      !['hostNetwork', 'hostPID', 'hostIPC'].some((field) => spec[field]),
      'is in a namespace of the host',
    ),
    ...((spec['volumes'] as Manifest[] | undefined) ?? []).flatMap((volume) =>
      unless(
        ['configMap', 'emptyDir', 'projected', 'secret', 'persistentVolumeClaim'].some(
          (kind) => kind in volume,
        ),
        `has a volume ${String(volume['name'])} of a forbidden kind`,
      ),
    ),
  ])(manifests),
  ...eachContainer(({ securityContext: context, ports = [] }) => [
    ...unless(context?.allowPrivilegeEscalation === false, 'may gain privileges'),
    ...unless(context?.capabilities?.drop?.includes('ALL') === true, 'keeps capabilities'),
    ...unless(context?.readOnlyRootFilesystem === true, 'may write to its image'),
    ...unless(context?.privileged !== true, 'is privileged'),
    ...unless(
      (ports as Manifest[]).every((port) => port['hostPort'] === undefined),
      'has a port of the host',
    ),
  ])(manifests),
]

/** Requests and a limit of memory; none of CPU, which would slow mail down while CPUs are idle. */
export const sized: Check = eachContainer(({ resources }) => [
  ...unless(Boolean(resources?.requests?.cpu && resources.requests.memory), 'requests nothing'),
  ...unless(Boolean(resources?.limits?.memory), 'has no limit of memory'),
  ...unless(resources?.limits?.cpu === undefined, 'has a limit of CPU'),
])

/** A pod that only waits, to be entered: it serves nobody, and there is one of it. */
const isOperator = (owner: Manifest): boolean =>
  owner.kind === 'Deployment' && owner.metadata.name.endsWith('-operator')

/** Only Jobs that talk to the API have a token for it, and who operates. */
export const tokens: Check = eachPod(({ owner, spec }) => {
  const may =
    isOperator(owner) ||
    (['Job', 'CronJob'].includes(owner.kind) &&
      /-(make-secrets|certificates|access)\b/.test(owner.metadata.name))
  return unless(spec['automountServiceAccountToken'] === may, may ? 'has no token' : 'has a token')
})

const probeNames = ['startupProbe', 'livenessProbe', 'readinessProbe']

export const probes: Check = eachPod(({ owner, spec }) =>
  (spec['containers'] as Manifest[]).flatMap((container) => {
    const has = probeNames.filter((probe) => container[probe] !== undefined)
    if (isOperator(owner)) return unless(has.length === 0, 'is probed, and serves nobody')
    if (owner.kind !== 'Deployment' && owner.kind !== 'StatefulSet') {
      return unless(has.length === 0, `${String(container['name'])} is probed, and ends by itself`)
    }
    const wanted = container['name'] === 'valkey' ? probeNames.slice(1) : probeNames
    return unless(
      wanted.every((probe) => has.includes(probe)),
      `${String(container['name'])} is not probed`,
    )
  }),
)

/** Liveness asks for nothing that is elsewhere; probes are on the ops port, which has no TLS. */
export const opsProbes: Check = eachContainer((container, { owner }) => {
  if (owner.kind !== 'Deployment' || container['name'] === 'unbound') return []
  if (container['startupProbe'] === undefined) return []
  const wanted = { startupProbe: '/startupz', livenessProbe: '/livez', readinessProbe: '/readyz' }
  return Object.entries(wanted).flatMap(([probe, path]) =>
    unless(
      container[probe].httpGet?.path === path && container[probe].httpGet?.port === 'ops',
      `asks something else than ${path} as its ${probe}`,
    ),
  )
})

/** Named, each name and number once, names short enough to be a port's. */
export const ports: Check = eachPod(({ spec }) => {
  const all = containersOf(spec).flatMap((container) => (container['ports'] as Manifest[]) ?? [])
  const names = all.map((port) => String(port['name'] ?? ''))
  const numbers = all.map((port) => port['containerPort'])
  return [
    ...unless(
      names.every((name) => /^[a-z0-9-]{1,15}$/.test(name)),
      'has a port without a name',
    ),
    ...unless(new Set(names).size === names.length, 'has a port name twice'),
    ...unless(new Set(numbers).size === numbers.length, 'has a port twice'),
  ]
})

/** A pod is given the time that its service takes: the pause before SIGTERM, and calls under way. */
export const grace: Check = eachPod(({ owner, spec }) => {
  if (owner.kind !== 'Deployment' || isOperator(owner)) return []
  const [container] = spec['containers'] as [Manifest]
  const pause = Number(container['lifecycle']?.preStop?.sleep?.seconds ?? 0)
  if (container['name'] === 'valkey') return []
  return unless(
    Number(spec['terminationGracePeriodSeconds']) >= pause + 10 + 2,
    'is killed before it can stop',
  )
})

export const spread: Check = eachPod(({ owner, spec }) => {
  const alone = isOperator(owner) || containersOf(spec)[0]?.['name'] === 'valkey'
  if (owner.kind !== 'Deployment' || alone) return []
  const constraints = (spec['topologySpreadConstraints'] as Manifest[] | undefined) ?? []
  const keys = constraints.map((constraint) => constraint['topologyKey'])
  return [
    ...unless(keys.includes('topology.kubernetes.io/zone'), 'may be all in one zone'),
    ...unless(
      constraints.every((one) => one['matchLabelKeys']?.includes('pod-template-hash')),
      'counts the pods of the version before',
    ),
  ]
})

/** A budget never keeps a node from being drained: there is more than one pod, and one may go. */
export const budgets: Check = (manifests) =>
  ofKind(manifests, 'PodDisruptionBudget').flatMap((budget) => {
    const owner = podsOf(manifests).find(
      ({ owner: { metadata } }) => metadata.name === budget.metadata.name,
    )
    const replicas = Number(owner?.owner['spec'].replicas ?? 2)
    return [
      ...unless(budget['spec'].maxUnavailable !== 0, `${called(budget)} lets no pod go`),
      ...unless(replicas > 1, `${called(budget)} guards a single pod`),
    ]
  })

/** No image by a tag that moves. */
export const images: Check = eachContainer(({ image }) =>
  unless(
    /^\S+(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})$/.test(String(image)),
    `runs ${String(image)}`,
  ),
)

/** Nothing secret is in an environment, where crash reports and `kubectl describe` show it. */
export const quietEnvironment: Check = eachContainer((container) =>
  ((container['env'] as Manifest[] | undefined) ?? []).flatMap((variable) => [
    ...unless(
      variable['valueFrom']?.secretKeyRef === undefined,
      `has a secret in ${String(variable['name'])}`,
    ),
    ...unless(
      !/:\/\/[^/@]*:(?!\{)[^/@]*@/.test(String(variable['value'])),
      `has a password in ${String(variable['name'])}`,
    ),
  ]),
)
