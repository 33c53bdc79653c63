import { MailxError } from '@mailx/errors/mailx-error'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { CommonConfig, variables } from './common.ts'
import { readConfig } from './read-config.ts'
import { flag, list, noted } from './variable.ts'

const key = Buffer.alloc(32, 7).toString('base64')
const right = { DATABASE_URL: 'postgres://mailx:secret@127.0.0.1:5432/mailx', BUS_KEY: key }

function errorOf(schema: z.ZodObject, env: Record<string, string>): MailxError | undefined {
  try {
    readConfig(schema, env)
  } catch (error) {
    return error as MailxError
  }
  return undefined
}

const problemsOf = (schema: z.ZodObject, env: Record<string, string>): string[] =>
  (errorOf(schema, env)?.message ?? '')
    .split('\n')
    .slice(1)
    .map((line) => line.trim())

test('a right environment gives typed values, with defaults for what is left out', () => {
  const config = readConfig(CommonConfig, { ...right, LOG_PARTITIONS: '8', PATH: '/bin' })
  expect(config).toMatchObject({
    LOG_PARTITIONS: 8,
    NATS_URL: 'nats://127.0.0.1:4222',
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
  })
  expect(config).not.toHaveProperty('PATH')
  expect(config.BUS_KEY()).toEqual([new Uint8Array(32).fill(7)])
})

test('every problem is told at once, by name, sorted, with what to write', () => {
  const env = {
    DATABASE_URL: 'mysql://host/db',
    BUS_KEY: 'c2hvcnQ=',
    LOG_PARTITIONS: '1000',
    OPS_LISTEN: '127.0.0.1:99999',
    GRPC_LISTEN: 'nowhere',
    LOG_LEVEL: 'loud',
    SHUTDOWN_GRACE_MS: 'soon',
  }
  expect(problemsOf(CommonConfig, env)).toEqual([
    'BUS_KEY: is not 32 bytes in base64 (write the output of: openssl rand -base64 32)',
    'DATABASE_URL: is not a postgres:// URL (write postgres://user:password@host:5432/database)',
    'GRPC_LISTEN: is neither host:port nor unix:/path (write 127.0.0.1:8443 or unix:/run/mailx/identity.sock)',
    'LOG_LEVEL: is not one of trace, debug, info, warn, error, fatal, silent (write trace, debug, info, warn, error, fatal or silent)',
    'LOG_PARTITIONS: is not between 1 and 64 (write a whole number from 1 to 64)',
    'OPS_LISTEN: has a port above 65535 (write 127.0.0.1:8443 or unix:/run/mailx/identity.sock)',
    'SHUTDOWN_GRACE_MS: is not a whole number (write a whole number from 0 to 600000)',
  ])
})

test('a wrong configuration is a MailxError', () => {
  expect(errorOf(CommonConfig, {})).toBeInstanceOf(MailxError)
  expect(errorOf(CommonConfig, {})).toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('what is missing or empty is called not set', () => {
  expect(problemsOf(CommonConfig, { DATABASE_URL: '' })).toEqual([
    'BUS_KEY: is not set (write the output of: openssl rand -base64 32)',
    'DATABASE_URL: is not set (write postgres://user:password@host:5432/database)',
  ])
})

test('no problem repeats a value', () => {
  const env = {
    DATABASE_URL: 'hunter2',
    BUS_KEY: 'hunter2',
    LOG_LEVEL: 'hunter2',
    OPS_LISTEN: 'hunter2',
  }
  expect(problemsOf(CommonConfig, env).join()).not.toContain('hunter2')
})

test.each([
  ['DATABSE_URL', 'DATABASE_URL'],
  ['BUS_KYE', 'BUS_KEY'],
  ['MAILX_DATABASE_URL', 'DATABASE_URL'],
  ['MAILX_DATABASE_ULR', 'DATABASE_URL'],
  ['LOG_PARTITION', 'LOG_PARTITIONS'],
])('%s is recognised as a slip for %s', (slip, meant) => {
  const { [meant as keyof typeof right]: _, ...rest } = right
  expect(problemsOf(CommonConfig, { ...rest, [slip]: '5' })).toContain(
    `${slip}: is not read (did you mean ${meant}?)`,
  )
})

test('other programs and other services may have variables with similar names', () => {
  const env = { ...right, NATS_PORT: '1', PEER_LISTEN: 'x', HTTP_PROXY: 'y', REDIS_PORT: '2' }
  expect(problemsOf(CommonConfig, env)).toEqual([])
  // Set beside the one it resembles, it is somebody else's.
  expect(problemsOf(CommonConfig, { ...right, DATABASE_URL2: 'x' })).toEqual([])
})

test('optional variables, lists, flags and addresses of services', () => {
  const schema = z.object({
    DNS_RESOLVER: list('host:port, separated by commas').default([]),
    ALLOW_PRIVATE_PEERS: flag().default(false),
    IDENTITY_ADDRESS: variables.IDENTITY_ADDRESS,
    NAME: noted(z.string().min(3), { write: 'a name' }).optional(),
  })
  const env = { DNS_RESOLVER: '10.0.0.1:53, ,[::1]:53', IDENTITY_ADDRESS: 'dns:///identity:7001' }
  expect(readConfig(schema, env)).toEqual({
    DNS_RESOLVER: ['10.0.0.1:53', '[::1]:53'],
    ALLOW_PRIVATE_PEERS: false,
    IDENTITY_ADDRESS: 'dns:///identity:7001',
  })
  expect(readConfig(schema, { ...env, ALLOW_PRIVATE_PEERS: 'true' }).ALLOW_PRIVATE_PEERS).toBe(true)
  expect(problemsOf(schema, { ...env, ALLOW_PRIVATE_PEERS: 'maybe' })[0]).toMatch(
    /^ALLOW_PRIVATE_PEERS: .*\(write true or false\)$/,
  )
})

test('what to write is told of a list whose items are checked, too', () => {
  const schema = z.object({ PORTS: list('443,8080').pipe(z.array(z.string().max(5, 'is long'))) })
  expect(problemsOf(schema, { PORTS: '443,1234567' })).toEqual(['PORTS: is long (write 443,8080)'])
})

test('a rule over several variables is told, too', () => {
  const schema = CommonConfig.refine((config) => config.NODE_ENV !== 'production', {
    path: ['NODE_ENV'],
    error: 'must not be production',
  })
  expect(problemsOf(schema, right)[0]).toContain('NODE_ENV: ')
})
