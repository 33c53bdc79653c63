import * as z from 'zod'
import { imageShape, KubernetesObject, KubernetesObjects, Text } from './block.ts'

const toggle = (what: string) => z.boolean().default(false).describe(what)
const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']
const privateNetworks = privateRanges.map((cidr) => ({ ipBlock: { cidr } }))
const peers = (what: string) => KubernetesObjects.default(privateNetworks).describe(what)

/** How a deployment finds others, is guarded, watched and scaled. */
export const operationShapes = {
  dns: z
    .strictObject({
      resolver: z.string().default('').describe("address:port; the cluster's when empty."),
      trusted: toggle('Whether that resolver is believed about DNSSEC.'),
      unbound: z
        .strictObject({
          enabled: toggle('A validating resolver beside directory, on loopback, and so believed.'),
          image: z
            .strictObject({
              registry: imageShape.registry.default('docker.io'),
              repository: imageShape.repository.default('klutchell/unbound'),
              tag: imageShape.tag.default('1.23.1'),
              digest: imageShape.digest.default(''),
              pullPolicy: imageShape.pullPolicy.default('IfNotPresent'),
            })
            .prefault({})
            .describe('Has unbound on its PATH.'),
          resources: KubernetesObject.default({
            requests: { cpu: '50m', memory: '64Mi' },
            limits: { memory: '256Mi' },
          }).describe('Requests and limits.'),
        })
        .prefault({})
        .describe('DNSSEC without trusting the network in between.'),
    })
    .prefault({})
    .describe('How directory asks for other domains.'),
  federation: z
    .strictObject({
      list: z
        .array(z.string())
        .default([])
        .describe('Domains for FEDERATION_POLICY allow or deny of inbound-federation.'),
      staticPeers: z
        .record(z.string(), z.strictObject({ publicKey: z.string(), endpoint: z.string() }))
        .default({})
        .describe(
          'Domains known without DNS: publicKey (base64) and endpoint (https://host:port).',
        ),
    })
    .prefault({})
    .describe('Both are followed without a restart.'),
  networkPolicy: z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe('Nothing in, nothing out, but what the services need of each other.'),
      dns: KubernetesObjects.default([
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
          podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
        },
      ]).describe('Where name servers are.'),
      postgres: peers('Where Postgres is, when it is not of this chart.'),
      nats: peers('Where NATS is, when it is not of this chart.'),
      redis: peers('Where Redis is, when it is not of this chart.'),
      telemetry: peers('Where traces go.'),
      monitoring: KubernetesObjects.default([
        { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
      ]).describe('Who may read /metrics.'),
      internetPorts: z
        .array(z.int().min(1).max(65_535))
        .default([443, 8080, 8443])
        .describe('Ports of other domains.'),
      privatePeers: toggle(
        'Lets outbound-federation and directory reach private networks too. For development, with ALLOW_PRIVATE_PEERS.',
      ),
    })
    .prefault({})
    .describe('Peers of a NetworkPolicy, as Kubernetes writes them.'),
  telemetry: z
    .strictObject({
      endpoint: z
        .string()
        .default('')
        .describe('OTEL_EXPORTER_OTLP_ENDPOINT: http://collector:4318. No traces when empty.'),
      protocol: z
        .enum(['http/json', 'http/protobuf', 'grpc'])
        .default('http/json')
        .describe('OTEL_EXPORTER_OTLP_PROTOCOL. JSON costs the services least.'),
      sampleRatio: z.number().min(0).max(1).default(0.1).describe('Of traces that begin here.'),
    })
    .prefault({})
    .describe('Traces, by OTLP.'),
  monitoring: z
    .strictObject({
      serviceMonitor: z
        .strictObject({
          enabled: toggle('A ServiceMonitor for all ops ports.'),
          interval: z.string().default('30s').describe('Between two scrapes.'),
          labels: Text.default({}).describe('By which Prometheus finds it.'),
        })
        .prefault({})
        .describe('Needs the Prometheus operator.'),
      prometheusRule: z
        .strictObject({
          enabled: toggle('The alerts of alerts/.'),
          runbookUrl: z
            .string()
            .default('')
            .describe('Where docs/runbooks is to be read, for links in alerts; paths when empty.'),
          labels: Text.default({}).describe('By which Prometheus finds it.'),
        })
        .prefault({})
        .describe('Needs the Prometheus operator.'),
      dashboards: z
        .strictObject({
          enabled: toggle('A ConfigMap for each of dashboards/.'),
          labels: Text.default({ grafana_dashboard: '1' }).describe('By which Grafana finds them.'),
          annotations: Text.default({ grafana_folder: 'MailX' }).describe('Of each.'),
        })
        .prefault({})
        .describe("For Grafana's sidecar."),
    })
    .prefault({})
    .describe('What operators look at.'),
  operator: z
    .strictObject({
      enabled: toggle('A pod to be entered by kubectl exec.'),
      tracesUrl: z
        .string()
        .default('')
        .describe('TRACES_URL for mailxctl trace: the HTTP API of Jaeger or Tempo.'),
      resources: KubernetesObject.default({
        requests: { cpu: '10m', memory: '32Mi' },
        limits: { memory: '512Mi' },
      }).describe('Requests and limits.'),
    })
    .prefault({})
    .describe('mailxctl, with the rights of the operator: see the README.'),
  scaling: z
    .strictObject({
      prometheusAddress: z.string().default('').describe('http://prometheus:9090, for KEDA.'),
      authenticationRef: z.string().default('').describe('A TriggerAuthentication for it.'),
    })
    .prefault({})
    .describe('For services with keda.enabled.'),
  tests: z
    .strictObject({
      enabled: z.boolean().default(true).describe('What `helm test` runs.'),
      resolver: z
        .string()
        .default('')
        .describe("host:port of a resolver; the cluster's when empty."),
    })
    .prefault({})
    .describe('A pod that registers at the first domain and writes to itself.'),
}
