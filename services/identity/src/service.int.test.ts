import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { toBase64, toHex } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { signingKeyPair } from '@mailx/crypto/sign'
import { holdOperationalKey } from '@mailx/federation/operational-key'
import { authorityOf } from '@mailx/federation/peer-authority'
import { checkLeaf } from '@mailx/federation/peer-certificate'
import { callUnary } from '@mailx/grpc/client'
import { keyByKid, keysFor, openDocument } from '@mailx/keys/domain-document'
import { parseTxt } from '@mailx/keys/txt-record'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type IdentityRig, identityRig, type Replica } from './testing/identity-rig.ts'

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
