import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AllInOneConfig } from '@mailx/all-in-one-service/config'
import { chartDir, chartFiles } from '@mailx/chart-tool/chart-files'
import { ownAccess } from '@mailx/chart-tool/service-facts'
import { isSecret, serviceNames, variablesOf } from '@mailx/chart-tool/services'
import { Values } from '@mailx/chart-tool/values'
import { clientPorts } from '@mailx/client/find-home'
import { readConfig } from '@mailx/config/read-config'
import { notesOf } from '@mailx/config/variable'
import { DirectoryConfig } from '@mailx/directory-service/config'
import { defaultPorts } from '@mailx/federation/checked-addresses'
import { GatewayConfig } from '@mailx/gateway-service/config'
import { IdentityConfig } from '@mailx/identity-service/config'
import { InboundFederationConfig } from '@mailx/inbound-federation-service/config'
import { OutboundConfig } from '@mailx/outbound-federation-service/config'
import { roleName } from '@mailx/privileges/postgres-grants'
import { StorageConfig } from '@mailx/storage-service/config'
import { TransparencyConfig } from '@mailx/transparency-service/config'
import { describe, expect, test } from 'vitest'
import type * as z from 'zod'
import { profile } from './helm.ts'
import { type Manifest, ofKind, podsOf, render } from './manifest.ts'

type Schema = { readonly properties: Readonly<Record<string, Schema>> }

const schemas: Readonly<Record<string, z.ZodObject>> = {
  identity: IdentityConfig,
  transparency: TransparencyConfig,
  directory: DirectoryConfig,
  storage: StorageConfig,
  'outbound-federation': OutboundConfig,
  'inbound-federation': InboundFederationConfig,
  gateway: GatewayConfig,
  'all-in-one': AllInOneConfig,
}

const valuesSchema = JSON.parse(
  readFileSync(join(chartDir, 'values.schema.json'), 'utf8'),
) as Schema
const configIn = (schema: Schema | undefined, ...path: readonly string[]): string[] => {
  const at = path.reduce((one, key) => one?.properties[key], schema)
  return Object.keys(at?.properties ?? {})
}

/** A value for every variable that values may give, of the type that a YAML file has for it. */
function valueFor(name: string, schema: z.ZodType): unknown {
  const { typed, write = '' } = notesOf(schema)
  switch (typed?.type) {
    case 'integer':
      return typed.maximum
    case 'boolean':
      return false
    case 'array':
      return name === 'PEER_PORTS' ? [443, 8443] : ['a.example']
    case undefined:
      return write.split(/,| or /)[0]
  }
}

const settable = (service: string): string[] => [
  ...configIn(valuesSchema, 'config'),
  ...configIn(valuesSchema, 'services', service, 'config'),
]

async function environmentOf(service: string, ...values: readonly object[]) {
  const mode = service === 'all-in-one' ? 'all-in-one' : 'services'
  const manifests = await render({ values: [profile('external'), { mode }, ...values] })
  const name = `mailx-${service}`
  const own = manifests.filter(({ metadata }) => metadata.name === name)
  const config = ofKind(own, 'ConfigMap')[0]?.['data'] as Record<string, string>
  const [pod] = podsOf(own)
  const container = pod?.spec['containers']?.[0] as Manifest | undefined
  const env = (container?.['env'] ?? []) as Manifest[]
  const named = env.map((one) => String(one['name']))
  const plain = env.filter(
    ({ name: variable }) => String(variable) in variablesOf(service as never),
  )
  return {
    config,
    /** Secrets elsewhere; here nothing of them is secret. */
    plain: Object.fromEntries(plain.map((one) => [one['name'], one['value']])) as typeof config,
    secrets: named.filter((one) => one.endsWith('_FILE')).map((one) => one.replace(/_FILE$/, '')),
  }
}

test.each(Object.keys(chartFiles()))('%s is what npm run chart:generate makes', (path) => {
  expect(readFileSync(join(chartDir, path), 'utf8')).toBe(chartFiles()[path])
})

test('there is a block for every service, and no other', () => {
  const blocks = configIn(valuesSchema, 'services')
  expect(blocks.toSorted()).toEqual([...serviceNames].toSorted())
  expect(Object.keys(schemas).toSorted()).toEqual([...serviceNames].toSorted())
})

test('the doors are where others look for them', () => {
  const { endpoints } = Values.parse({})
  const portOf = (endpoint: string) => Number(endpoint.split(':').at(-1))
  expect(defaultPorts).toEqual(
    expect.arrayContaining([portOf(endpoints.peer), portOf(endpoints.http)]),
  )
  expect(clientPorts).toContain(portOf(endpoints.client))
  expect(DirectoryConfig.shape.PEER_PORTS.parse(undefined)).toEqual([...defaultPorts])
  expect(Values.parse({}).networkPolicy.internetPorts).toEqual([...defaultPorts])
})

describe.each(serviceNames)('%s', (service) => {
  const variables = variablesOf(service)

  test('is given every variable of its config.ts, and no other', async () => {
    const asked = Object.entries(variables).filter(([name]) => settable(service).includes(name))
    const given = Object.fromEntries(asked.map(([name, schema]) => [name, valueFor(name, schema)]))
    const { LOG_PARTITIONS, NODE_ENV, ...own } = given
    const federation = { list: ['a.example'] }
    const dns = { resolver: '10.0.0.53:53' }
    // All in one, every server has an address of its own, and none is for others: these are not read.
    const all = Object.keys(variables).filter(
      (name) => service !== 'all-in-one' || !name.startsWith('GRPC_'),
    )
    const { config, plain, secrets } = await environmentOf(
      service,
      { config: { LOG_PARTITIONS, NODE_ENV }, federation, dns },
      { services: { [service]: { config: own, terminationGracePeriodSeconds: 0 } } },
    )
    expect([...Object.keys({ ...config, ...plain }), ...secrets].toSorted()).toEqual(all.toSorted())
    const secret = all.filter((name) => isSecret(variables[name]))
    expect([...Object.keys(plain), ...secrets].toSorted()).toEqual(secret.toSorted())
    expect(secrets).toEqual(expect.arrayContaining([...ownAccess]))
  })

  test('reads what the chart gives it without a complaint', async () => {
    const { config, plain, secrets } = await environmentOf(service)
    const key = Buffer.alloc(32, 7).toString('base64')
    const values: Record<string, string> = {
      NATS_SEED: `SU${'A'.repeat(56)}`,
      NATS_URL: 'nats://nats:4222',
      REDIS_URL: 'redis://redis:6379/0',
    }
    const env = Object.fromEntries(secrets.map((name) => [name, values[name] ?? key]))
    const schema = schemas[service] as z.ZodObject
    expect(() => readConfig(schema, { ...config, ...plain, ...env })).not.toThrow()
  })

  test('works as the role that the preparation of the database gives it', async () => {
    const { plain } = await environmentOf(service)
    const url = new URL(plain['DATABASE_URL'] ?? '')
    expect(url.username).toBe(roleName('mailx', service))
    expect(url.password).toBe('')
    expect(url.pathname).toBe('/mail')
  })

  test('has no value in its block that the chart sets itself', async () => {
    const own = configIn(valuesSchema, 'services', service, 'config')
    const { config } = await environmentOf(service)
    expect(own.filter((name) => name in config)).toEqual([])
  })
})

test("an image built without more is of the chart's version", () => {
  const textOf = (path: string) => readFileSync(join(chartDir, path), 'utf8')
  const version = /^ARG MAILX_VERSION=(.+)$/m.exec(textOf('../../Dockerfile'))?.[1]
  expect(version).toMatch(/^\d+\.\d+\.\d+/)
  expect(textOf('Chart.yaml')).toContain(`\nappVersion: ${version}\n`)
})
