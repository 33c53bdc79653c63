import * as z from 'zod'
import { KubernetesObjects, Text } from './block.ts'

// All ways for all doors: which fits which is said in plain words by the chart's own check.
const via = z.enum([
  'None',
  'LoadBalancer',
  'NodePort',
  'TLSRoute',
  'GRPCRoute',
  'HTTPRoute',
  'Ingress',
])

const door = (what: string) =>
  z
    .strictObject({
      via: via.default('LoadBalancer').describe('How it is reached from outside.'),
      annotations: Text.default({}).describe('Of the object that leads to it.'),
      loadBalancerClass: z.string().default('').describe('Of the Service.'),
      loadBalancerSourceRanges: z.array(z.string()).default([]).describe('Who may connect.'),
      externalTrafficPolicy: z
        .enum(['Local', 'Cluster'])
        .default('Local')
        .describe('Local keeps the address of the caller, which limits are counted by.'),
      nodePort: z.int().min(0).max(32_767).default(0).describe('0: one is chosen.'),
    })
    .prefault({})
    .describe(what)

/** The three doors of a deployment. */
export const exposureShape = z
  .strictObject({
    peer: door(
      'Other domains. TLS ends in the pod, which alone can check the keys of domains: LoadBalancer, NodePort, TLSRoute or None.',
    ),
    client: door(
      "Clients. They want the domain's own certificate: LoadBalancer, NodePort, TLSRoute or None; GRPCRoute only for clients of yours that trust the Gateway instead.",
    ),
    wellKnown: door('The well-known document, which is signed: any way but GRPCRoute.'),
    clientsTrustGateway: z
      .boolean()
      .default(false)
      .describe("Allows GRPCRoute for client. MailX's own client will not connect that way."),
    gateway: z
      .strictObject({
        create: z.boolean().default(false).describe('A Gateway with a listener for each port.'),
        name: z.string().default('').describe('Of one that is there.'),
        namespace: z.string().default('').describe('Of one that is there.'),
        className: z.string().default('').describe('The GatewayClass of the new one.'),
        annotations: Text.default({}).describe('Of the new one.'),
        certificateRefs: KubernetesObjects.default([]).describe(
          'For HTTPRoute and GRPCRoute: the certificates that the new one shows.',
        ),
        backendCaConfigMap: z
          .string()
          .default('')
          .describe(
            "For HTTPRoute and GRPCRoute: a ConfigMap whose ca.crt is the first domain's CA certificate (caCertificate of its document), by which the Gateway knows the pods.",
          ),
      })
      .prefault({})
      .describe('Gateway API, for the doors via TLSRoute, GRPCRoute and HTTPRoute.'),
    ingress: z
      .strictObject({
        className: z.string().default('').describe('The IngressClass.'),
        annotations: Text.default({
          'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS',
          'nginx.ingress.kubernetes.io/proxy-ssl-server-name': 'on',
        }).describe('The pods speak TLS: the controller must, too, and name a hosted domain.'),
        tlsSecret: z.string().default('').describe('A certificate for the hosts.'),
      })
      .prefault({})
      .describe('For wellKnown via Ingress.'),
  })
  .prefault({})
  .describe('Doors. Their ports outside are those of endpoints.')
