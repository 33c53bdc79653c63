import * as z from 'zod'
import { blockShape, imageShape, KubernetesObject, KubernetesObjects, Text } from './block.ts'
import { commonConfig, serviceConfig } from './config-values.ts'
import { dependencyShapes, secretShapes } from './dependencies.ts'
import { exposureShape } from './exposure.ts'
import { operationShapes } from './operation.ts'
import { blockDefaults, serviceDefaults } from './service-defaults.ts'
import { type ServiceName, serviceNames } from './services.ts'

const serviceBlock = (service: ServiceName) =>
  z
    .strictObject({
      enabled: z.boolean().describe('Whether the mode has it.'),
      config: serviceConfig(service).describe('Its own variables; they win over those of config.'),
      ...blockShape,
    })
    .partial()
    .default({ ...serviceDefaults[service], config: {} })
    .describe(
      service === 'all-in-one' ? 'All seven, for mode all-in-one.' : `The service ${service}.`,
    )

/** Everything that values.yaml may say. values.schema.json, values.yaml and the table are made of it. */
export const Values = z.strictObject({
  nameOverride: z.string().default('').describe('Instead of mailx in names.'),
  fullnameOverride: z.string().default('').describe('Instead of release and name.'),
  mode: z
    .enum(['services', 'all-in-one'])
    .default('services')
    .describe('Seven services, or all of them in one process: for small domains.'),
  domains: z
    .array(z.string())
    .default([])
    .describe('The domains to host, in lower case. Domains are added, never taken away.'),
  endpoints: z
    .strictObject({
      peer: z
        .string()
        .default('mailx-peer.{domain}:8443')
        .describe('Where other domains deliver. They dial 443, 8080 and 8443 alone.'),
      client: z.string().default('mailx.{domain}:8444').describe('Where clients connect.'),
      http: z
        .string()
        .default('https://mailx.{domain}:443')
        .describe('Where the well-known document is; also named in DNS.'),
    })
    .prefault({})
    .describe('What is published in DNS and documents; {domain} stands for the domain.'),
  image: z
    .strictObject({
      registry: imageShape.registry.default(''),
      repository: imageShape.repository.default('mailx'),
      tag: imageShape.tag.default(''),
      digest: imageShape.digest.default(''),
      pullPolicy: imageShape.pullPolicy.default('IfNotPresent'),
      pullSecrets: z.array(z.string()).default([]).describe('Names of Secrets.'),
    })
    .prefault({})
    .describe('One image has every service.'),
  config: commonConfig
    .prefault({})
    .describe('Variables that all services read; the programs know their defaults.'),
  ...secretShapes,
  ...dependencyShapes,
  defaults: z
    .strictObject(blockShape)
    .partial()
    .default(blockDefaults)
    .describe('What every service has that does not say otherwise in its own block.'),
  services: z
    .strictObject(Object.fromEntries(serviceNames.map((name) => [name, serviceBlock(name)])))
    .prefault({})
    .describe('A block of the same shape for each.'),
  exposure: exposureShape,
  ...operationShapes,
  extraObjects: KubernetesObjects.default([]).describe(
    'Further manifests, with templates in them.',
  ),
  commonLabels: Text.default({}).describe('Labels of everything.'),
  global: KubernetesObject.optional().describe('Read by nothing here; Helm may put it in.'),
})
