import { join } from 'node:path'
import { AllInOneConfig } from '@mailx/all-in-one-service/config'
import { CommonConfig } from '@mailx/config/common'
import { notesOf } from '@mailx/config/variable'
import { DirectoryConfig } from '@mailx/directory-service/config'
import { GatewayConfig } from '@mailx/gateway-service/config'
import { IdentityConfig } from '@mailx/identity-service/config'
import { InboundFederationConfig } from '@mailx/inbound-federation-service/config'
import { OutboundConfig } from '@mailx/outbound-federation-service/config'
import { StorageConfig } from '@mailx/storage-service/config'
import { TransparencyConfig } from '@mailx/transparency-service/config'
import type * as z from 'zod'
import { variableDocs } from './variable-docs.ts'

export const root = join(import.meta.dirname, '../../..')

const configs = {
  identity: IdentityConfig,
  transparency: TransparencyConfig,
  directory: DirectoryConfig,
  storage: StorageConfig,
  'outbound-federation': OutboundConfig,
  'inbound-federation': InboundFederationConfig,
  gateway: GatewayConfig,
  'all-in-one': AllInOneConfig,
} as const satisfies { readonly [service: string]: z.ZodObject }

export type ServiceName = keyof typeof configs

/** The seven services in the order in which they need each other, and all of them in one process. */
export const serviceNames = Object.keys(configs) as readonly ServiceName[]

type Variables = Readonly<Record<string, z.ZodType>>

const shapeOf = (schema: z.ZodObject) => schema.shape as unknown as Variables

/** The variables of a service, by name. */
export const variablesOf = (service: ServiceName): Variables => shapeOf(configs[service])

export const commonVariables = shapeOf(CommonConfig)

export const isSecret = (schema: z.ZodType | undefined): boolean =>
  schema !== undefined && notesOf(schema).secret === true

const docsIn = (file: string) => variableDocs(join(root, file))
const commonDocs = docsIn('libs/config/src/common.ts')
const serviceDocs = new Map(
  serviceNames.map((name) => [name, docsIn(`services/${name}/src/config.ts`)]),
)

/** What the comment above a variable says: in the service's own config.ts, else where it comes from. */
export function docOf(service: ServiceName | undefined, variable: string): string {
  const own = service === undefined ? undefined : serviceDocs.get(service)?.get(variable)
  const elsewhere = [commonDocs, ...serviceDocs.values()].map((docs) => docs.get(variable))
  const doc = own ?? elsewhere.find((text) => text !== undefined)
  if (doc === undefined) throw new Error(`there is no comment above ${variable} in any config.ts`)
  return doc
}
