import { fromUtf8, toBase64, utf8 } from '@mailx/crypto/encoding'
import { signStatement } from '@mailx/statement/statement'
import { expect, test } from 'vitest'
import {
  canonicalDocument,
  type DomainDocument,
  keyByKid,
  keysFor,
  openDocument,
  signDocument,
} from './domain-document.ts'
import { sampleDomain } from './testing/sample-domain.ts'
import { formatTime } from './unix-ms.ts'

const NOW = Date.UTC(2026, 0, 10)
const DAY_MS = 86_400_000
const sample = sampleDomain('a.example', [], NOW)
const { document, domainKey } = sample
const mallory = sampleDomain('mallory.example', [], NOW)

const served = (value: unknown) => utf8(JSON.stringify(value))
const open = (bytes: Uint8Array, now = NOW) =>
  openDocument(bytes, { domain: 'a.example', now, publicKey: domainKey.publicKey })

/** The document with a change, signed again by the domain. */
const resigned = (change: Partial<Record<keyof DomainDocument, unknown>>) => {
  const { signature: _, ...unsigned } = { ...document, ...change } as DomainDocument
  return served(signDocument(unsigned, domainKey.secretKey))
}

/** The document with a change that even its signer could not have made: shape before signature. */
const changed = (change: object) => served({ ...document, ...change })

const refusedAt = (member: string) =>
  expect.objectContaining({
    code: 'BAD_DOMAIN_DOCUMENT',
    message: expect.stringContaining(`domain document: ${member} `),
  })

test('a served document is opened, with and without knowing the domain key', () => {
  expect(open(served(document))).toEqual(document)
  expect(openDocument(served(document), { domain: 'a.example', now: NOW })).toEqual(document)
})

test('the order of members and white space are free', () => {
  const reversed = Object.fromEntries(Object.entries(document).toReversed())
  expect(open(utf8(JSON.stringify(reversed, null, 4)))).toEqual(document)
})

test('members of newer versions are under the signature', () => {
  const extended = resigned({ canary: { keys: ['x', 1, true] } } as object)
  expect(open(extended)).toMatchObject({ canary: { keys: ['x', 1, true] } })
  const tampered = utf8(fromUtf8(extended).replace('"x"', '"y"'))
  expect(() => open(tampered)).toThrow(refusedAt('signature'))
})

test('the canonical bytes are what a stranger computes from the served JSON', () => {
  const small = {
    b: [{ signature: 'kept', a: 'é"\n' }],
    signature: 'dropped',
    a: { d: null, c: 1 },
  }
  expect(fromUtf8(canonicalDocument(small))).toBe(
    '{"a":{"c":1,"d":null},"b":[{"a":"é\\"\\n","signature":"kept"}]}',
  )
})

test('every changed byte of the values is noticed', () => {
  const text = JSON.stringify(document)
  for (const [was, is] of [
    ['mailx.a.example:8443', 'mailx.b.example:8443'],
    ['"serial":1', '"serial":2'],
    ['"retentionDays":365', '"retentionDays":366'],
    ['deliver-1', 'deliver-2'],
    ['MA==', 'MQ=='],
  ] as const) {
    expect(text).toContain(was)
    expect(() => open(utf8(text.replace(was, is)))).toThrow(refusedAt('signature'))
  }
})

test('a document of another domain, by another key, or signed by a stranger is refused', () => {
  const other = { now: NOW, publicKey: domainKey.publicKey }
  expect(() => openDocument(served(document), { ...other, domain: 'b.example' })).toThrow(
    refusedAt('domain'),
  )
  expect(() =>
    openDocument(served(document), {
      domain: 'a.example',
      now: NOW,
      publicKey: mallory.domainKey.publicKey,
    }),
  ).toThrow(refusedAt('publicKey'))
  const { signature: _, ...unsigned } = document
  const forged = signDocument(unsigned, mallory.domainKey.secretKey)
  expect(() => open(served(forged))).toThrow(refusedAt('signature'))
})

test('an operational key that the domain key did not certify is refused', () => {
  const [attest, ...others] = document.keys
  const stolen = { ...attest, publicKey: toBase64(mallory.operational.attest.publicKey) }
  expect(() => open(resigned({ keys: [stolen, ...others] }))).toThrow(
    refusedAt('keys[0].signature'),
  )
  const foreign = [...document.keys, { ...mallory.document.keys[1], kid: 'x' }]
  expect(() => open(resigned({ keys: foreign }))).toThrow(refusedAt('keys[4].signature'))
  const reused = document.keys.map((key) =>
    key.use === 'attest' ? { ...key, use: 'deliver', kid: 'y' } : key,
  )
  expect(() => open(resigned({ keys: reused }))).toThrow(refusedAt('keys[0].signature'))
})

const until = (ms: number) => resigned({ validUntil: formatTime(ms) })

test('a document is valid for seven days at most and not after validUntil', () => {
  expect(() => open(until(NOW + 7 * DAY_MS))).not.toThrow()
  expect(() => open(until(NOW + 8 * DAY_MS))).toThrow(refusedAt('validUntil'))
  expect(() => open(until(NOW))).toThrow(refusedAt('validUntil'))
  expect(() => open(until(NOW - 1))).toThrow(refusedAt('validUntil'))
})

test('a document from the future or past its own end is refused', () => {
  expect(() => open(resigned({ created: formatTime(NOW + DAY_MS) }))).toThrow(refusedAt('created'))
  expect(() => open(resigned({ expiresAt: formatTime(NOW) }))).toThrow(refusedAt('expiresAt'))
  expect(() => open(resigned({ expiresAt: formatTime(NOW + 1) }))).not.toThrow()
})

test('a document without a log is opened', () => {
  expect(open(resigned({ log: null })).log).toBeNull()
})

const endpoints = document.endpoints
const policy = document.policy
const log = document.log
const [firstKey] = document.keys

test.each([
  ['version', { version: '2.0' }],
  ['version', { version: 1 }],
  ['domain', { domain: 'A.example' }],
  ['domain', { domain: '127.0.0.1' }],
  ['domain', { domain: '' }],
  ['publicKey', { publicKey: 'AAAA' }],
  ['publicKey', { publicKey: 7 }],
  ['signature', { signature: document.publicKey }],
  ['created', { created: '2026-01-01' }],
  ['created', { created: '2026-02-30T00:00:00Z' }],
  ['validUntil', { validUntil: null }],
  ['validUntil', { validUntil: '2026-01-16T00:00:00+01:00' }],
  ['expiresAt', { expiresAt: undefined }],
  ['serial', { serial: -1 }],
  ['serial', { serial: 1.5 }],
  ['serial', { serial: '1' }],
  ['endpoints', { endpoints: [] }],
  ['endpoints.grpc', { endpoints: { ...endpoints, grpc: 'mailx.a.example' } }],
  ['endpoints.grpc', { endpoints: { ...endpoints, grpc: 'mailx.a.example:0' } }],
  ['endpoints.grpc', { endpoints: { ...endpoints, grpc: 'user@a.example:1' } }],
  ['endpoints.client', { endpoints: { ...endpoints, client: 'a.example:65536' } }],
  ['endpoints.http', { endpoints: { ...endpoints, http: 'http://a.example:80' } }],
  ['endpoints.http', { endpoints: { ...endpoints, http: 'https://a.example:80/path' } }],
  ['keys', { keys: null }],
  ['keys', { keys: Array.from({ length: 65 }, () => firstKey) }],
  ['keys[0]', { keys: ['x'] }],
  ['keys[1].kid', { keys: [firstKey, firstKey] }],
  ['keys[0].kid', { keys: [{ ...firstKey, kid: '' }] }],
  ['keys[0].use', { keys: [{ ...firstKey, use: null }] }],
  ['keys[0].publicKey', { keys: [{ ...firstKey, publicKey: 'x' }] }],
  ['keys[0].signature', { keys: [{ ...firstKey, signature: '' }] }],
  ['keys[0].notBefore', { keys: [{ ...firstKey, notBefore: 'now' }] }],
  ['keys[0].notAfter', { keys: [{ ...firstKey, notAfter: firstKey?.notBefore }] }],
  ['policy', { policy: 'open' }],
  ['policy.maxRecipients', { policy: { ...policy, maxRecipients: null } }],
  ['policy.retentionDays', { policy: { ...policy, retentionDays: -1 } }],
  ['policy.registration', { policy: { ...policy, registration: true } }],
  ['policy.contactMode', { policy: { ...policy, contactMode: '' } }],
  ['protocols', { protocols: { min: 2, max: 1 } }],
  ['protocols', { protocols: { min: 0, max: 1 } }],
  ['log', { log: undefined }],
  ['log.origin', { log: { ...log, origin: 'b.example/mailx-kt/1' } }],
  ['log.publicKey', { log: { ...log, publicKey: document.publicKey } }],
  ['log.url', { log: { ...log, url: 'ftp://a.example' } }],
  ['caCertificate', { caCertificate: '' }],
  ['caCertificate', { caCertificate: 'x'.repeat(9000) }],
  ['caCertificate', { caCertificate: 'MIIB' }],
])('a wrong %s is named: %j', (member, change) => {
  expect(() => open(changed(change))).toThrow(refusedAt(member))
})

test.each([
  ['nothing', ''],
  ['no JSON', '<html>'],
  ['a list', '[]'],
  ['null', 'null'],
  ['a member named twice', JSON.stringify(document).replace('{', '{"serial":1,')],
  ['a member named __proto__', JSON.stringify(document).replace('{', '{"__proto__":{},')],
  ['a fraction somewhere', JSON.stringify(document).replace('{', '{"x":0.5,')],
  ['more than 64 KiB', JSON.stringify({ ...document, x: 'x'.repeat(65_536) })],
  [
    'forty levels',
    JSON.stringify(document).replace('{', `{"x":${'['.repeat(40)}${']'.repeat(40)},`),
  ],
])('%s is no document', (_what, text) => {
  expect(() => open(utf8(text))).toThrow(expect.objectContaining({ code: 'BAD_DOMAIN_DOCUMENT' }))
})

test('a key is found by its use, name and time', () => {
  const key = keyByKid(document, 'deliver-1', 'deliver', NOW)
  expect(key?.publicKey).toEqual(sample.operational.deliver.publicKey)
  expect(keysFor(document, 'deliver', NOW)).toEqual([key])
  expect(keyByKid(document, 'deliver-1', 'attest', NOW)).toBeUndefined()
  expect(keyByKid(document, 'deliver-2', 'deliver', NOW)).toBeUndefined()
  expect(keyByKid(document, 'deliver-1', 'deliver', NOW + 89 * DAY_MS)).toBeUndefined()
  expect(keyByKid(document, 'deliver-1', 'deliver', NOW - 2 * DAY_MS)).toBeUndefined()
})

test('a key of a use that is not known yet does no harm', () => {
  const times = { notBefore: NOW - DAY_MS, notAfter: NOW + DAY_MS }
  const publicKey = mallory.operational.log.publicKey
  const record = { domain: 'a.example', kid: 'z', use: 'dance', publicKey, ...times }
  const signature = signStatement('operational-key', record, domainKey.secretKey)
  const key = {
    kid: 'z',
    use: 'dance',
    publicKey: toBase64(publicKey),
    notBefore: formatTime(times.notBefore),
    notAfter: formatTime(times.notAfter),
    signature: toBase64(signature),
  }
  expect(() => open(resigned({ keys: [...document.keys, key] }))).not.toThrow()
})
