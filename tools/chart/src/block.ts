import * as z from 'zod'

const KubernetesObject = z.record(z.string(), z.unknown())
const KubernetesObjects = z.array(KubernetesObject)
const Text = z.record(z.string(), z.string())
const name = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/

/** An image by tag or, better, by digest. */
export const imageShape = {
  registry: z.string().describe('Host of the registry, as in registry.example.'),
  repository: z.string().describe('Path of the image.'),
  tag: z.string().describe("Tag; the chart's appVersion when empty."),
  digest: z
    .string()
    .regex(/^(sha256:[0-9a-f]{64})?$/)
    .describe('sha256:…; wins over the tag.'),
  pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).describe('Ignored with a digest.'),
}

const probe = (what: string) =>
  z
    .strictObject({
      initialDelaySeconds: z.int().min(0),
      periodSeconds: z.int().min(1),
      timeoutSeconds: z.int().min(1),
      failureThreshold: z.int().min(1),
    })
    .partial()
    .describe(what)

/** The same for every service; what a block leaves out is taken from `defaults`. */
export const blockShape = {
  replicas: z.int().min(0).describe('Pods, where nothing scales them.'),
  image: z.strictObject(imageShape).partial().describe('What differs from the image of all.'),
  resources: KubernetesObject.describe('Requests and limits of the container.'),
  podSecurityContext: KubernetesObject.describe('Of the pod.'),
  containerSecurityContext: KubernetesObject.describe('Of every container of the pod.'),
  probes: z
    .strictObject({
      startup: probe('/startupz: came up once. Covers waiting for servers that are away.'),
      liveness: probe('/livez: the process answers. Asks for nothing that is elsewhere.'),
      readiness: probe('/readyz: Postgres, NATS and what the service needs are there.'),
    })
    .partial()
    .describe('All on the ops port.'),
  extraEnv: KubernetesObjects.describe('Further variables, as a container has them.'),
  extraVolumes: KubernetesObjects.describe('Further volumes of the pod.'),
  extraVolumeMounts: KubernetesObjects.describe('Further mounts of the container.'),
  nodeSelector: Text.describe('Labels of nodes.'),
  tolerations: KubernetesObjects.describe('Of taints.'),
  affinity: KubernetesObject.describe('Of pods and nodes.'),
  topologySpreadConstraints: KubernetesObjects.describe(
    'Left empty: over zones and nodes, as far as it can be had.',
  ),
  priorityClassName: z.string().describe('A PriorityClass.'),
  serviceAccount: z
    .strictObject({
      create: z.boolean().describe('Whether the service gets an account of its own.'),
      name: z.string().describe('Of one that is there; of the new one when create is true.'),
      annotations: Text.describe('Of the account.'),
    })
    .partial()
    .describe('No pod of a service is given a token of it.'),
  labels: Text.describe('Further labels of the pods.'),
  annotations: Text.describe('Further annotations of the pods.'),
  strategy: KubernetesObject.describe('How a Deployment replaces its pods.'),
  autoscaling: z
    .strictObject({
      enabled: z.boolean().describe('A HorizontalPodAutoscaler on CPU.'),
      minReplicas: z.int().min(1).describe('At least.'),
      maxReplicas: z.int().min(1).describe('At most.'),
      targetCPUUtilizationPercentage: z.int().min(1).describe('Of what is requested.'),
      behavior: KubernetesObject.describe('How fast it scales.'),
    })
    .partial()
    .describe('Not together with keda.'),
  keda: z
    .strictObject({
      enabled: z.boolean().describe('A ScaledObject on the events that the service is behind.'),
      minReplicas: z.int().min(1).describe('At least.'),
      maxReplicas: z.int().min(1).describe('At most.'),
      lagThreshold: z.int().min(1).describe('Events behind, for each pod.'),
      activationLagThreshold: z.int().min(0).describe('Below it nothing is added.'),
      cooldownSeconds: z.int().min(0).describe('Calm before a pod is taken away.'),
    })
    .partial()
    .describe('Needs KEDA, and Prometheus at scaling.prometheusAddress.'),
  pdb: z
    .strictObject({
      enabled: z.boolean().describe('A PodDisruptionBudget.'),
      maxUnavailable: z.union([z.int().min(0), z.string()]).describe('Pods, or a percentage.'),
    })
    .partial()
    .describe('For services with more than one pod.'),
  preStopSeconds: z
    .int()
    .min(0)
    .describe('Time in which a pod still serves while the cluster learns that it leaves.'),
  terminationGracePeriodSeconds: z
    .int()
    .min(0)
    .describe('0: preStopSeconds, SHUTDOWN_GRACE_MS and 15 s to spare.'),
}

/** Where a secret comes from. */
export const secretSource = (what: string) =>
  z
    .strictObject({
      value: z.string().default('').describe('The secret itself; better not in a file.'),
      existingSecret: z
        .strictObject({
          name: z
            .string()
            .regex(new RegExp(`^$|${name.source}`))
            .default('')
            .describe('A Secret.'),
          key: z.string().default('').describe('Its key; the one named above when empty.'),
        })
        .prefault({})
        .describe('A Secret that is there, or will be.'),
    })
    .prefault({})
    .describe(what)

export { KubernetesObject, KubernetesObjects, Text }
