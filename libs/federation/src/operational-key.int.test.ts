import { toHex } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { MailxError } from '@mailx/errors/mailx-error'
import { connectGrpc } from '@mailx/grpc/client'
import { type ServedGrpc, serveGrpc } from '@mailx/grpc/serve'
import { unary } from '@mailx/grpc/unary'
import {
  type CertifyOperationalKeyRequest,
  type CertifyOperationalKeyResponse,
  IdentityServiceClient,
  IdentityServiceService,
} from '@mailx/proto/identity/v1/identity_service'
import { createLogger } from '@mailx/telemetry/logger'
import { type TestPostgres, testPostgres } from '@mailx/testing/test-postgres'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createVaultTable, openKeyVault } from './key-vault.ts'
import { type HeldOperationalKey, holdOperationalKey } from './operational-key.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const kek = new Uint8Array(32).fill(1)

let postgres: TestPostgres
let served: ServedGrpc
let identity: IdentityServiceClient
/** What identity was asked, and whether it answers. */
let requests: CertifyOperationalKeyRequest[]
let away: boolean
let time: number
let schema: string
const held: HeldOperationalKey[] = []

beforeAll(async () => {
  postgres = await testPostgres()
  const certifyOperationalKey = unary<CertifyOperationalKeyRequest, CertifyOperationalKeyResponse>(
    async (request) => {
      if (away) throw new MailxError('UNAVAILABLE', 'identity is away')
      requests.push(request)
      return {
        kid: `${request.use}-${toHex(request.publicKey).slice(0, 8)}`,
        notBeforeUnixMs: BigInt(time),
        notAfterUnixMs: BigInt(time + 90 * DAY_MS),
        signature: new Uint8Array(64),
      }
    },
  )
  served = await serveGrpc({
    listen: '127.0.0.1:0',
    services: [{ definition: IdentityServiceService, implementation: { certifyOperationalKey } }],
    telemetry: {
      service: 'identity',
      logger: createLogger({ service: 'identity', level: 'silent' }),
    },
  })
  identity = connectGrpc(IdentityServiceClient, served.address)
})
afterAll(async () => {
  for (const key of held) key.stop()
  identity.close()
  await served.stop({ graceMs: 0 })
  await postgres.drop()
})

let count = 0
beforeEach(() => {
  count += 1
  schema = `service_${count}`
  requests = []
  away = false
  time = Date.now()
})

async function hold(domain = 'a.test', key = kek): Promise<HeldOperationalKey> {
  const one = await holdOperationalKey({
    pool: postgres.pool,
    schema,
    kek: key,
    identity,
    domain,
    use: 'deliver',
    holder: 'a-service',
    now: () => time,
    random: randomBytes,
  })
  held.push(one)
  return one
}

test('a key is made once, certified once, and there again after a restart', async () => {
  const first = (await hold()).current()
  expect((await hold()).current()).toEqual(first)
  expect(requests).toHaveLength(1)
  expect(requests[0]).toMatchObject({ domain: 'a.test', use: 'deliver', holder: 'a-service' })
})

test('replicas that start at once share one key', async () => {
  const keys = await Promise.all([hold(), hold(), hold()])
  expect(new Set(keys.map((key) => key.current().kid)).size).toBe(1)
})

test('each domain has its own key', async () => {
  expect((await hold('a.test')).current().kid).not.toBe((await hold('b.test')).current().kid)
})

test('while identity is away there is no key, and the next try certifies the one that was made', async () => {
  away = true
  await expect(hold()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  const { rows } = await postgres.pool.query(`select kid from ${schema}.vault`)
  expect(rows).toEqual([{ kid: null }])
  away = false
  await hold()
  expect(requests).toHaveLength(1)
})

test('a successor is made after two thirds of the term, and used a day later', async () => {
  const key = await hold()
  const first = key.current().kid
  time += 59 * DAY_MS
  expect(await key.renewIfDue()).toBe(false)
  time += 2 * DAY_MS
  expect(await key.renewIfDue()).toBe(true)
  expect(await key.renewIfDue()).toBe(false)
  expect(key.current().kid).toBe(first)
  time += DAY_MS
  const second = key.current().kid
  expect(second).not.toBe(first)
  expect((await hold()).current().kid).toBe(second)
})

test('a key that could not be renewed is used until its end, not longer', async () => {
  const key = await hold()
  time += 80 * DAY_MS
  away = true
  await expect(key.renewIfDue()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(() => key.current()).not.toThrow()
  time += 11 * DAY_MS
  expect(() => key.current()).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
  away = false
  expect(await key.renewIfDue()).toBe(true)
  // Nothing else is left: the new key is used at once.
  expect(() => key.current()).not.toThrow()
})

test('the vault opens with its own key-encryption key alone, and says which variable is wrong', async () => {
  await hold()
  await expect(hold('a.test', new Uint8Array(32).fill(9))).rejects.toMatchObject({
    code: 'UNSAFE_CONFIGURATION',
    message: expect.stringMatching(/KEY_ENCRYPTION_KEY/),
  })
})

test('a row of the vault does not open in the place of another', async () => {
  await hold('a.test')
  await hold('b.test')
  await postgres.pool.query(
    `update ${schema}.vault set (public_key, wrapped_seed) =
       (select public_key, wrapped_seed from ${schema}.vault where domain = 'b.test')
       where domain = 'a.test'`,
  )
  await expect(hold('a.test')).rejects.toMatchObject({ code: 'UNSAFE_CONFIGURATION' })
})

test('the table is created by whoever comes first', async () => {
  await Promise.all(Array.from({ length: 5 }, () => createVaultTable(postgres.pool, schema)))
  const vault = openKeyVault({ sql: postgres.pool, schema, kek, random: randomBytes })
  const slot = { domain: 'a.test', use: 'log', generation: 1 }
  const keys = await Promise.all(Array.from({ length: 5 }, () => vault.keep(slot)))
  expect(new Set(keys.map(({ publicKey }) => toHex(publicKey))).size).toBe(1)
  expect(await vault.find('a.test', keys[0]?.publicKey ?? new Uint8Array())).toMatchObject(slot)
  await expect(vault.check()).resolves.toBeUndefined()
})
