import * as z from 'zod'

// No package has models of these two: the fields that are used here, as their operators document them.
const metadata = z.looseObject({ name: z.string().regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/) })
const quantity = z.string().regex(/^\d+(\.\d+)?([kMGTPE]i?|m)?$/)
const amounts = z.strictObject({ cpu: quantity.optional(), memory: quantity.optional() })

const volume = z.strictObject({ size: quantity, storageClass: z.string().min(1).optional() })

const cluster = z.strictObject({
  apiVersion: z.literal('postgresql.cnpg.io/v1'),
  kind: z.literal('Cluster'),
  metadata,
  spec: z.strictObject({
    instances: z.int().min(1),
    imageName: z.string().min(1).optional(),
    bootstrap: z.strictObject({
      initdb: z.strictObject({
        database: z.string(),
        owner: z.string(),
        encoding: z.string(),
        dataChecksums: z.boolean(),
        postInitSQL: z.array(z.string()),
      }),
    }),
    postgresql: z
      .strictObject({
        synchronous: z
          .strictObject({
            method: z.enum(['any', 'first']),
            number: z.int().min(1),
            dataDurability: z.enum(['required', 'preferred']),
          })
          .optional(),
        parameters: z.record(z.string(), z.string()).optional(),
      })
      .optional(),
    storage: volume,
    walStorage: volume.optional(),
    resources: z
      .strictObject({ requests: amounts.optional(), limits: amounts.optional() })
      .optional(),
  }),
})

const remoteRef = z.strictObject({
  key: z.string(),
  property: z.string().optional(),
  version: z.string().optional(),
})

const externalSecret = z.strictObject({
  apiVersion: z.literal('external-secrets.io/v1'),
  kind: z.literal('ExternalSecret'),
  metadata,
  spec: z.strictObject({
    refreshInterval: z
      .string()
      .regex(/^(\d+(h|m|s))+$/)
      .optional(),
    secretStoreRef: z.strictObject({
      name: z.string(),
      kind: z.enum(['SecretStore', 'ClusterSecretStore']).optional(),
    }),
    target: z
      .strictObject({
        name: z.string().optional(),
        creationPolicy: z.enum(['Owner', 'Orphan', 'Merge', 'None']).optional(),
      })
      .optional(),
    data: z.array(z.strictObject({ secretKey: z.string(), remoteRef })).optional(),
    dataFrom: z.array(z.strictObject({ extract: remoteRef })).optional(),
  }),
})

/** By API group and kind. */
export const operatorSchemas: Readonly<Record<string, z.ZodType>> = {
  'postgresql.cnpg.io/Cluster': cluster,
  'external-secrets.io/ExternalSecret': externalSecret,
}
