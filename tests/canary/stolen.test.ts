import type { Account } from '@mailx/client/account'
import { lookUpKeys } from '@mailx/client/look-up-keys'
import { readMessages } from '@mailx/client/mailbox'
import { withSession } from '@mailx/client/session'
import { encryptionKeyPair } from '@mailx/crypto/agreement'
import { equal } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { signingKeyPair } from '@mailx/crypto/sign'
import type { Stack } from '@mailx/dev-tool/stack'
import { openMessage } from '@mailx/envelope/open-message'
import { MailxError } from '@mailx/errors/mailx-error'
import { openKeyVault } from '@mailx/federation/key-vault'
import { rightsOf } from '@mailx/privileges/services'
import { openSessionToken, sealSessionToken } from '@mailx/statement/session-token'
import { eventually } from '@mailx/testing/eventually'
import { type SecretFolder, secretFolder } from '@mailx/testing/secret-folder'
import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { databaseOf, deploymentOf } from '../exchange/database.ts'
import { patience, person, receive, send, testStack } from '../exchange/people.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

// Somebody has every row of the database and the whole configuration: the keys, the vaults that they
// open, every value. What they lack is a key of a person's device.
const subject = 'for nobody else'
const sessionKey = randomBytes(32)

let secrets: SecretFolder
let stack: Stack
let database: Pool
let alice: Account
let dave: Account
let id: Uint8Array
/** Whatever 32 bytes they have, each of which may be a key. */
let candidates: Uint8Array[]
let vaultSeeds: Uint8Array[]
/** Every value in bytes of every table. */
let values: Uint8Array[]

const inBase64 = (key: Uint8Array) => Buffer.from(key).toString('base64')

beforeAll(async () => {
  secrets = await secretFolder()
  await secrets.put({ session: inBase64(sessionKey) })
  stack = await testStack(
    'stolen',
    { a: ['a.test'] },
    { tracing: false, env: { SESSION_KEY: '', SESSION_KEY_FILE: secrets.path('session') } },
  )
  database = databaseOf(deploymentOf(stack, 'a'))
  alice = await person(stack, 'alice@a.test')
  dave = await person(stack, 'dave@a.test')
  id = await send(dave, { to: ['alice@a.test'], subject, body: '' })
  await receive(alice, id)
  values = await everyValue()
  const { BUS_KEY = '', KEY_ENCRYPTION_KEY = '' } = deploymentOf(stack, 'a').deployment.env
  const keys = [BUS_KEY, KEY_ENCRYPTION_KEY].map((text) => Buffer.from(text, 'base64'))
  vaultSeeds = await seedsOfVaults(keys[1] as Uint8Array)
  candidates = [...keys, sessionKey, ...vaultSeeds, ...values.flatMap(windows)]
})

afterAll(async () => {
  for (const account of [alice, dave]) account?.transport.close()
  await database?.end()
  await stack?.stop()
  await secrets?.remove()
})

async function everyValue(): Promise<Uint8Array[]> {
  const { rows } = await database.query<{ table: string; column: string }>(
    `select c.oid::regclass::text as table, quote_ident(a.attname) as column
       from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
       where c.relkind = 'r' and a.atttypid = 'bytea'::regtype and a.attnum > 0
         and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`,
  )
  const found: Uint8Array[] = []
  for (const { table, column } of rows) {
    const all = await database.query<{ value: Buffer }>(
      `select ${column} as value from ${table} where ${column} is not null`,
    )
    found.push(...all.rows.map(({ value }) => Uint8Array.from(value)))
  }
  return found
}

/** Values that are a key, and what stands in one in place of a key: at each fourth byte. */
const windows = (value: Uint8Array): Uint8Array[] => {
  const places = Math.floor(Math.max(value.length - 32, -1) / 4) + 1
  return Array.from({ length: places }, (_, place) => value.slice(place * 4, place * 4 + 32))
}

async function seedsOfVaults(kek: Uint8Array): Promise<Uint8Array[]> {
  const found: Uint8Array[] = []
  for (const { schema, vault } of rightsOf('all-in-one')) {
    if (!vault) continue
    const opened = openKeyVault({ sql: database, schema, kek, random: randomBytes })
    const { rows } = await database.query<{ domain: string; use: string }>(
      `select distinct domain, use from ${schema}.vault`,
    )
    for (const { domain, use } of rows) {
      for (const { secretKey } of await opened.list(domain, use)) found.push(secretKey.slice(0, 32))
    }
  }
  return found
}

async function partOf(name: 'content' | 'envelope'): Promise<Uint8Array> {
  const { rows } = await database.query<{ data: Buffer }>(
    `select b.data from storage.entries e join mail.blobs b on b.hash = e.${name}_hash
       where e.mailbox = 'alice@a.test' and e.message_id = $1`,
    [Buffer.from(id)],
  )
  return Uint8Array.from(rows[0]?.data ?? [])
}

/** What comes of opening alice's copy, as it lies in the database, with a key for each of her devices. */
async function opener() {
  const [envelope, content] = [await partOf('envelope'), await partOf('content')]
  const [sender] = await lookUpKeys(alice, ['dave@a.test'])
  if (sender === undefined) throw new Error('dave has no keys')
  const { address, device, mailboxDevice } = alice.keyring
  return (encryptionSecretKey: Uint8Array): string => {
    const devices = [device, mailboxDevice].map((one) => ({ id: one.id, encryptionSecretKey }))
    try {
      return openMessage({ envelope, content, me: { address, devices }, sender }).payload.subject
    } catch (error) {
      return error instanceof MailxError ? error.code : String(error)
    }
  }
}

test('nothing in the database or the configuration opens a message', async () => {
  expect(vaultSeeds.length).toBeGreaterThan(2)
  expect(candidates.length).toBeGreaterThan(1_000)
  const open = await opener()
  expect(open(encryptionKeyPair(alice.keyring.device.encryptionSeed).secretKey)).toBe(subject)
  expect([...new Set(candidates.map(open))]).toEqual(['NO_KEY_PACKET'])
})

test('nothing in them is the key of a device or of a user, which alone open a session', async () => {
  const { device, mailboxDevice, userSeed } = alice.keyring
  const seeds = [device.signingSeed, mailboxDevice.signingSeed, userSeed]
  const publicKeys = seeds.map((seed) => signingKeyPair(seed).publicKey)
  const isHers = (seed: Uint8Array) => {
    const { publicKey } = signingKeyPair(seed)
    return publicKeys.some((one) => equal(one, publicKey))
  }
  expect(isHers(device.signingSeed)).toBe(true)
  expect(candidates.filter(isHers)).toEqual([])
})

test('whoever signs with the keys of the services is no device of anybody', async () => {
  for (const signingSeed of candidates.slice(0, 6)) {
    const device = { ...alice.keyring.device, signingSeed }
    const thief = { ...alice, keyring: { ...alice.keyring, device }, session: undefined }
    await expect(withSession(thief)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  }
})

const isToken = (value: Uint8Array) => {
  try {
    return openSessionToken(value, [sessionKey], Date.now()) !== undefined
  } catch {
    return false
  }
}

test('no value of the database is the token of a session', async () => {
  const { token = new Uint8Array() } = await withSession(alice)
  expect(isToken(token)).toBe(true)
  expect(values.filter(isToken)).toEqual([])
})

test('who has SESSION_KEY makes a token, reads nothing with it, and is out when the key is changed', async () => {
  const forged = {
    address: 'alice@a.test',
    deviceId: alice.keyring.device.id,
    sessionId: randomBytes(16),
    issuedAt: Date.now(),
    expiresAt: Date.now() + 3_600_000,
  }
  const token = sealSessionToken(forged, [sessionKey])
  const stolen = { signingSeed: randomBytes(32), encryptionSeed: randomBytes(32) }
  const { device, mailboxDevice } = alice.keyring
  const keyring = {
    ...alice.keyring,
    device: { ...device, ...stolen },
    mailboxDevice: { ...mailboxDevice, ...stolen },
  }
  const thief = { ...alice, keyring, session: { token, expiresAt: forged.expiresAt } }
  const [message] = await readMessages(thief, [id])
  expect(message).toMatchObject({ refused: { code: 'NO_KEY_PACKET' } })

  await secrets.put({ session: inBase64(randomBytes(32)) })
  await eventually(async () => {
    const usage = alice.transport.getUsage({}, { token })
    await expect(usage).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  }, patience)
  const [again] = await readMessages(alice, [id])
  expect(again).toMatchObject({ opened: { payload: { subject } } })
})
