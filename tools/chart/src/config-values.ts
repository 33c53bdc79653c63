import { notesOf } from '@mailx/config/variable'
import * as z from 'zod'
import { commonVariables, docOf, isSecret, type ServiceName, variablesOf } from './services.ts'

/** Variables that the chart sets itself, out of other values; secrets come on top of these. */
const setByChart = new Set([
  'GRPC_LISTEN',
  'GRPC_CA_FILE',
  'GRPC_CERT_FILE',
  'GRPC_KEY_FILE',
  'OPS_LISTEN',
  'CLIENT_LISTEN',
  'HTTPS_LISTEN',
  'PEER_LISTEN',
  'IDENTITY_ADDRESS',
  'TRANSPARENCY_ADDRESS',
  'DIRECTORY_ADDRESS',
  'STORAGE_ADDRESS',
  'OUTBOUND_ADDRESS',
  'INBOUND_ADDRESS',
  'HOSTED_DOMAINS',
  'PEER_ENDPOINT',
  'HTTP_ENDPOINT',
  'CLIENT_ENDPOINT',
  'DNS_RESOLVER',
  'DNS_TRUSTED',
  'STATIC_PEERS_FILE',
  'FEDERATION_LIST',
])

/** What must be the same in all processes. */
const sameForAll = new Set(['LOG_PARTITIONS', 'NODE_ENV'])

const isLeftToPeople = (name: string, schema: z.ZodType) =>
  !setByChart.has(name) && !isSecret(schema)

type ConfigValues = z.ZodObject<Record<string, z.ZodType>>

/** Values for the variables that every service reads. */
export const commonConfig: ConfigValues = z.strictObject(
  Object.fromEntries(
    Object.entries(commonVariables)
      .filter(([name, schema]) => isLeftToPeople(name, schema))
      .map(([name, schema]) => [name, valueOf(undefined, name, schema)]),
  ),
)

/** Values for the variables of one service, those of all services included. */
export const serviceConfig = (service: ServiceName): ConfigValues =>
  z.strictObject(
    Object.fromEntries(
      Object.entries(variablesOf(service))
        .filter(([name, schema]) => isLeftToPeople(name, schema) && !sameForAll.has(name))
        .map(([name, schema]) => [name, valueOf(service, name, schema)]),
    ),
  )

/** A variable's type in a YAML file: numbers, flags and lists are written as such. */
function valueOf(service: ServiceName | undefined, name: string, schema: z.ZodType): z.ZodType {
  const doc = docOf(service, name)
  return typeOf(schema).optional().describe(withDefault(doc, schema))
}

function typeOf(schema: z.ZodType): z.ZodType {
  const { typed } = notesOf(schema)
  switch (typed?.type) {
    case 'integer':
      return z.int().min(typed.minimum).max(typed.maximum)
    case 'boolean':
      return z.boolean()
    case 'array':
      return z.array(z.union([z.string(), z.int()]))
    case undefined: {
      const { enum: words, pattern } = inner(schema)
      if (words !== undefined) return z.enum(words)
      return pattern === undefined ? z.string() : z.string().regex(new RegExp(pattern))
    }
  }
}

function inner(schema: z.ZodType): { enum?: readonly string[]; pattern?: string } {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as object
}

/** The default is the program's: the chart does not repeat it, so that it cannot differ. */
function withDefault(doc: string, schema: z.ZodType): string {
  const { defaultValue } = schema.def as { defaultValue?: string | number | boolean | string[] }
  const text = Array.isArray(defaultValue) ? defaultValue.join(',') : String(defaultValue ?? '')
  return text === '' ? doc : `${doc} Default: ${text}.`
}
