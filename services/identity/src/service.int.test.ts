import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { toBase64, toHex } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { signingKeyPair } from '@mailx/crypto/sign'
import { holdOperationalKey } from '@mailx/federation/operational-key'
import { authorityOf } from '@mailx/federation/peer-authority'
import { checkLeaf } from '@mailx/federation/peer-certificate'
import { callUnary } from '@mailx/grpc/client'
import { verifyAttestation } from '@mailx/keys/attestation'
import { makeDeviceList } from '@mailx/keys/device-list'
import { keyByKid, keysFor, openDocument } from '@mailx/keys/domain-document'
import { parseTxt } from '@mailx/keys/txt-record'
import { openSessionToken } from '@mailx/statement/session-token'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type IdentityRig,
  identityRig,
  newDevice,
  newUser,
  type Replica,
  registration,
  sessionKey,
  signedChallenge,
} from './testing/identity-rig.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const refusal = (code: string) => expect.objectContaining({ code })

let rig: IdentityRig
let first: Replica
let second: Replica
beforeAll(async () => {
  rig = await identityRig()
  first = await rig.start({ HOSTED_DOMAINS: 'a.test' })
  second = await rig.start()
})
afterAll(() => rig.stop())

const now = () => Date.now() + rig.clock.offset

async function documentOf(domain: string, { client } = first) {
  const { document } = await callUnary(client.getDomainDocument, { domain })
  return openDocument(document, { domain, now: now() })
}

async function registered(address: string) {
  const user = newUser(address, now())
  await callUnary(first.client.registerUser, registration(user, now()))
  return user
}

test('a hosted domain is there from the start, with a document that its TXT record vouches for', async () => {
  const { domains } = await callUnary(second.client.listDomains, {})
  const hosted = domains.find(({ domain }) => domain === 'a.test')
  const txt = parseTxt([[hosted?.txtRecord ?? '']])
  const { document } = await callUnary(second.client.getDomainDocument, { domain: 'A.Test' })
  const [publicKey] = txt.publicKeys
  const opened = openDocument(document, {
    domain: 'a.test',
    now: now(),
    ...(publicKey && { publicKey }),
  })
  expect(opened.endpoints).toEqual({
    grpc: 'mailx.a.test:8443',
    http: 'https://mailx.a.test:443',
    client: 'mailx.a.test:8444',
  })
  expect(txt.endpoint).toEqual({ host: 'mailx.a.test', port: 443 })
  expect(Date.parse(opened.validUntil)).toBeGreaterThan(now() + DAY_MS)
})

test('creating a domain on all replicas at once makes one domain', async () => {
  const answers = await Promise.all(
    [first, second, first, second].map(({ client }) =>
      callUnary(client.createDomain, { domain: 'B.test' }),
    ),
  )
  expect(new Set(answers.map(({ publicKey }) => toHex(publicKey))).size).toBe(1)
  expect(new Set(answers.map(({ createdAtUnixMs }) => createdAtUnixMs)).size).toBe(1)
  const document = await documentOf('b.test', second)
  expect(document.keys.map(({ use }) => use)).toEqual(['attest', 'tls'])
})

test.each([
  ['not a domain!', 'INVALID_DOMAIN'],
  ['192.0.2.1', 'INVALID_DOMAIN'],
])('no domain is created for %s', async (domain, code) => {
  await expect(callUnary(first.client.createDomain, { domain })).rejects.toEqual(refusal(code))
})

test('a service has its key certified and renewed, and its replicas share it', async () => {
  const hold = () =>
    holdOperationalKey({
      pool: rig.open.connections.pool,
      schema: 'outbound_test',
      kek: new Uint8Array(32).fill(9),
      identity: first.client,
      domain: 'a.test',
      use: 'deliver',
      holder: 'outbound-federation',
      now,
      random: randomBytes,
    })
  const [one, other] = await Promise.all([hold(), hold()])
  const key = one.current()
  expect(other.current()).toEqual(key)
  const document = await documentOf('a.test')
  expect(keyByKid(document, key.kid, 'deliver', now())?.publicKey).toEqual(key.publicKey)

  expect(await one.renewIfDue()).toBe(false)
  rig.clock.offset = 61 * DAY_MS
  expect(await one.renewIfDue()).toBe(true)
  expect(one.current()).toEqual(key)
  expect(keysFor(await documentOf('a.test'), 'deliver', now())).toHaveLength(2)
  rig.clock.offset = 62.1 * DAY_MS
  expect(one.current().kid).not.toBe(key.kid)
  expect((await hold()).current()).toEqual(one.current())
  rig.clock.offset = 0
  one.stop()
  other.stop()
})

test('a key is certified for one use and one holder', async () => {
  const { publicKey } = signingKeyPair(randomBytes(32))
  const key = { domain: 'a.test', use: 'log', publicKey, holder: 'transparency' }
  const certified = await callUnary(first.client.certifyOperationalKey, key)
  expect(await callUnary(second.client.certifyOperationalKey, key)).toEqual(certified)
  for (const [change, code] of [
    [{ use: 'deliver' }, 'BAD_KEY'],
    [{ holder: 'somebody-else' }, 'BAD_KEY'],
    [{ use: 'attest' }, 'INVALID_ARGUMENT'],
    [{ publicKey: new Uint8Array(32) }, 'BAD_KEY'],
    [{ domain: 'elsewhere.test' }, 'NOT_FOUND'],
  ] as const) {
    const call = callUnary(first.client.certifyOperationalKey, { ...key, ...change })
    await expect(call).rejects.toEqual(refusal(code))
  }
})

test('a leaf is good for the domain, and for no other', async () => {
  const { publicKey } = generateKeyPairSync('ed25519')
  const publicKeySpki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  const issued = await callUnary(first.client.issueCertificate, { domain: 'a.test', publicKeySpki })
  const document = await documentOf('a.test')
  expect(issued.caCertificate).toBe(document.caCertificate)
  const leaf = new X509Certificate(issued.certificate)
  const check = (domain: string) =>
    checkLeaf(leaf, {
      domain,
      authority: authorityOf(document, now()),
      purpose: 'server',
      now: now(),
    })
  expect(() => check('a.test')).not.toThrow()
  expect(() => check('b.test')).toThrow(refusal('PEER_NOT_AUTHENTIC'))
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  const rsaSpki = new Uint8Array(rsa.export({ format: 'der', type: 'spki' }))
  await expect(
    callUnary(first.client.issueCertificate, { domain: 'a.test', publicKeySpki: rsaSpki }),
  ).rejects.toEqual(refusal('BAD_KEY'))
})

test('a registered user is attested by the domain, and registering again answers the same', async () => {
  const user = newUser('alice@a.test')
  const { identity } = await callUnary(first.client.registerUser, registration(user))
  if (identity === undefined) throw new Error('no identity')
  verifyAttestation(identity, await documentOf('a.test'), now())
  const again = await callUnary(second.client.registerUser, registration(user, now() + 1))
  expect(again.identity).toEqual(identity)
  const thief = registration(newUser('alice@a.test'))
  await expect(callUnary(second.client.registerUser, thief)).rejects.toEqual(
    refusal('ALREADY_EXISTS'),
  )
})

test('of two who register an address at once, one gets it', async () => {
  const calls = [first, second, first, second].map(({ client }) =>
    callUnary(client.registerUser, registration(newUser('race@a.test'))),
  )
  const settled = await Promise.allSettled(calls)
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const one of settled) {
    if (one.status === 'rejected') expect(one.reason).toEqual(refusal('ALREADY_EXISTS'))
  }
})

test.each([
  ['nobody@elsewhere.test', 'NOT_FOUND'],
  ['no address', 'INVALID_ADDRESS'],
  ['Alice@a.test', 'INVALID_ADDRESS'],
])('nobody registers %s', async (address, code) => {
  const user = newUser('alice@a.test')
  const call = callUnary(first.client.registerUser, { ...registration(user), address })
  await expect(call).rejects.toEqual(refusal(code))
})

test('a device signs in once with one challenge, and the token says who it is', async () => {
  const { address, device } = await registered('carol@a.test')
  const signed = await signedChallenge(first.client, address, device)
  const { expiresAtUnixMs, token } = await callUnary(second.client.openSession, signed)
  const session = openSessionToken(token, sessionKey, now())
  expect(session).toMatchObject({ address, expiresAt: Number(expiresAtUnixMs) })
  expect(toHex(session.deviceId)).toBe(toHex(device.listed.id))
  await expect(callUnary(first.client.openSession, signed)).rejects.toEqual(
    refusal('UNAUTHENTICATED'),
  )
})

test('a challenge is answered alike for everybody; signing in is refused alike', async () => {
  const { address, device } = await registered('dora@a.test')
  const stranger = newDevice(now())
  const known = await signedChallenge(first.client, address, stranger)
  const unknown = await signedChallenge(first.client, 'nobody@a.test', stranger)
  expect(unknown.nonce).toHaveLength(known.nonce.length)
  const reasons = await Promise.all(
    [known, unknown].map((signed) =>
      callUnary(first.client.openSession, signed).catch((error: unknown) => error),
    ),
  )
  expect(reasons).toEqual([refusal('UNAUTHENTICATED'), refusal('UNAUTHENTICATED')])
  expect(String(reasons[0])).toBe(String(reasons[1]))

  const late = await signedChallenge(first.client, address, device)
  rig.clock.offset = 3 * 60_000
  await expect(callUnary(first.client.openSession, late)).rejects.toEqual(
    refusal('UNAUTHENTICATED'),
  )
  rig.clock.offset = 0
})

test('a device that left the list cannot sign in, the new one can', async () => {
  const { address, device, key, list } = await registered('eve@a.test')
  const added = newDevice(now())
  const next = makeDeviceList({
    address,
    devices: [added.listed],
    userSecretKey: key.secretKey,
    previous: list,
  })
  const published = await callUnary(second.client.publishDeviceList, { address, deviceList: next })
  expect(published.identity?.deviceListVersion).toBe(2)
  const again = await callUnary(first.client.publishDeviceList, { address, deviceList: next })
  expect(again).toEqual(published)

  const old = await signedChallenge(first.client, address, device)
  await expect(callUnary(first.client.openSession, old)).rejects.toEqual(refusal('DEVICE_REVOKED'))
  const fresh = await signedChallenge(first.client, address, added)
  await expect(callUnary(first.client.openSession, fresh)).resolves.toMatchObject({})

  const branch = makeDeviceList({
    address,
    devices: [newDevice(now()).listed],
    userSecretKey: key.secretKey,
    previous: list,
  })
  await expect(
    callUnary(first.client.publishDeviceList, { address, deviceList: branch }),
  ).rejects.toEqual(refusal('CONFLICT'))
})

test('keys and documents are renewed by themselves, long before they end', async () => {
  const before = await documentOf('b.test')
  rig.clock.offset = 61 * DAY_MS
  const renewer = await rig.start()
  await expect
    .poll(async () => (await documentOf('b.test')).keys.length, { timeout: 10_000 })
    .toBe(3)
  const after = await documentOf('b.test')
  expect(after.serial).toBeGreaterThan(before.serial)
  expect(keysFor(after, 'attest', now())).toHaveLength(2)
  expect(authorityOf(after, now()).publicKey).toEqual(authorityOf(before, now()).publicKey)
  rig.clock.offset = 0
  await renewer.service.stop()
})

test('an attestation is renewed before it ends', async () => {
  const user = await registered('frank@a.test')
  rig.clock.offset = 320 * DAY_MS
  const renewer = await rig.start()
  await expect
    .poll(
      async () => {
        const { identity } = await callUnary(first.client.registerUser, registration(user, now()))
        return Number(identity?.createdAtUnixMs)
      },
      { timeout: 10_000 },
    )
    .toBeGreaterThan(Date.now() + 300 * DAY_MS)
  const { identity } = await callUnary(first.client.registerUser, registration(user, now()))
  if (identity === undefined) throw new Error('no identity')
  verifyAttestation(identity, await documentOf('a.test'), now())
  rig.clock.offset = 0
  await renewer.service.stop()
})

test('identity does not start with another key than its vault was made with', async () => {
  const KEY_ENCRYPTION_KEY = toBase64(new Uint8Array(32).fill(99))
  await expect(rig.start({ KEY_ENCRYPTION_KEY })).rejects.toMatchObject({
    code: 'UNSAFE_CONFIGURATION',
    message: expect.stringMatching(/KEY_ENCRYPTION_KEY/),
  })
})

test('identity does not start when the vault lost the key of a hosted domain', async () => {
  const { pool } = rig.open.connections
  const lost = "domain = 'b.test' and use = 'domain'"
  await pool.query(`create table identity.lost as select * from identity.vault where ${lost}`)
  await pool.query(`delete from identity.vault where ${lost}`)
  await expect(rig.start()).rejects.toMatchObject({
    code: 'UNSAFE_CONFIGURATION',
    message: expect.stringMatching(/b\.test/),
  })
  await pool.query('insert into identity.vault select * from identity.lost')
})

test('no secret key is in the log, and none lies open in the database', async () => {
  const { pool } = rig.open.connections
  const { rows } = await pool.query<{ wrapped_seed: Uint8Array; public_key: Uint8Array }>(
    'select wrapped_seed, public_key from identity.vault',
  )
  expect(rows.length).toBeGreaterThan(0)
  for (const { public_key, wrapped_seed } of rows) {
    expect(wrapped_seed).toHaveLength(24 + 16 + 32)
    expect(toHex(wrapped_seed)).not.toContain(toHex(public_key))
  }
})
