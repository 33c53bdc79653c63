import type { ServiceName } from './services.ts'

const probe = (initial: number, period: number, timeout: number, failures: number) => ({
  initialDelaySeconds: initial,
  periodSeconds: period,
  timeoutSeconds: timeout,
  failureThreshold: failures,
})

/** What a block of a service says that says nothing. Restricted, as Pod Security calls it. */
export const blockDefaults = {
  replicas: 2,
  image: {},
  resources: { requests: { cpu: '100m', memory: '192Mi' }, limits: { memory: '512Mi' } },
  podSecurityContext: {
    runAsNonRoot: true,
    runAsUser: 10001,
    runAsGroup: 10001,
    fsGroup: 10001,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  },
  containerSecurityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
  probes: {
    startup: probe(0, 5, 3, 120),
    liveness: probe(0, 10, 5, 6),
    readiness: probe(0, 5, 3, 3),
  },
  extraEnv: [],
  extraVolumes: [],
  extraVolumeMounts: [],
  nodeSelector: {},
  tolerations: [],
  affinity: {},
  topologySpreadConstraints: [],
  priorityClassName: '',
  serviceAccount: { create: true, name: '', annotations: {} },
  labels: {},
  annotations: {},
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  autoscaling: {
    enabled: false,
    minReplicas: 2,
    maxReplicas: 10,
    targetCPUUtilizationPercentage: 70,
    behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
  },
  keda: {
    enabled: false,
    minReplicas: 2,
    maxReplicas: 10,
    lagThreshold: 500,
    activationLagThreshold: 100,
    cooldownSeconds: 300,
  },
  pdb: { enabled: true, maxUnavailable: 1 },
  preStopSeconds: 5,
  terminationGracePeriodSeconds: 0,
}

const sized = (cpu: string, memory: string, limit: string) => ({
  enabled: true,
  resources: { requests: { cpu, memory }, limits: { memory: limit } },
})

/** Where a service differs from that. */
export const serviceDefaults: Record<ServiceName, object> = {
  identity: sized('100m', '192Mi', '512Mi'),
  transparency: sized('100m', '192Mi', '512Mi'),
  directory: sized('200m', '192Mi', '512Mi'),
  storage: sized('500m', '256Mi', '768Mi'),
  'outbound-federation': sized('300m', '256Mi', '768Mi'),
  'inbound-federation': sized('300m', '256Mi', '768Mi'),
  gateway: sized('500m', '256Mi', '768Mi'),
  'all-in-one': { ...sized('500m', '512Mi', '1536Mi'), replicas: 1 },
}
