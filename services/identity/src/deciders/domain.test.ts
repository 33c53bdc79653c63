import { signingKeyPair } from '@mailx/crypto/sign'
import type { DomainEvent } from '@mailx/events/identity'
import { openDocument, signDocument } from '@mailx/keys/domain-document'
import { signStatement, verifyStatement } from '@mailx/statement/statement'
import { expect, test } from 'vitest'
import { type DomainCommand, domain, type KeyRecord, type KeyToCertify } from './domain.ts'
import type { DocumentSettings } from './domain-document.ts'
import { termOf } from './hosted-domain.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const at = Date.parse('2026-03-01T00:00:00Z')
const pair = (n: number) => signingKeyPair(new Uint8Array(32).fill(n))
const [domainKey, attestKey, tlsKey, deliverKey, logKey] = [1, 2, 3, 4, 5].map(pair)
const opening = new Uint8Array(32).fill(9)
const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'
const refusedWith = (code: string) => expect.objectContaining({ code })

const keyOf = (key: { publicKey: Uint8Array } | undefined) => key?.publicKey ?? new Uint8Array()
const secret = domainKey?.secretKey ?? new Uint8Array()
const sign = (record: KeyRecord) => signStatement('operational-key', record, secret)

const settings: DocumentSettings = {
  endpoints: { grpc: 'mx.a.test:8443', http: 'https://mx.a.test:443', client: 'mx.a.test:8444' },
  policy: {
    maxMessageBytes: 1,
    maxInlineBytes: 1,
    maxRecipients: 1,
    maxDevices: 1,
    retentionDays: 0,
    registration: 'open',
    contactMode: 'open',
  },
  protocols: { min: 1, max: 1 },
}

const create: DomainCommand = {
  type: 'CreateDomain',
  domain: 'a.test',
  publicKey: keyOf(domainKey),
  opening,
  keys: [
    { use: 'attest', publicKey: keyOf(attestKey), holder: 'identity', opening },
    { use: 'tls', publicKey: keyOf(tlsKey), holder: 'identity', opening, caCertificate: pem },
  ],
  sign,
  at,
}
const certify = (key: Omit<KeyToCertify, 'opening'>, when = at): DomainCommand => ({
  type: 'CertifyKey',
  key: { ...key, opening },
  sign,
  at: when,
})
const deliver = { use: 'deliver', publicKey: keyOf(deliverKey), holder: 'outbound' } as const
const publish = (when = at, said = settings): DomainCommand => ({
  type: 'PublishDocument',
  settings: said,
  sign: (document) => signDocument(document, secret),
  at: when,
})

const given = (history: readonly DomainEvent[]) =>
  history.reduce(domain.evolve, domain.initialState)
const after = (...commands: DomainCommand[]): DomainEvent[] =>
  commands.reduce<DomainEvent[]>(
    (history, command) => [...history, ...domain.decide(command, given(history))],
    [],
  )
const types = (events: readonly DomainEvent[]) => events.map(({ type }) => type)
const documentIn = (events: readonly DomainEvent[]) => {
  const last = events.findLast((event) => event.type === 'DomainDocumentPublished')
  if (last?.type !== 'DomainDocumentPublished') throw new Error('no document')
  return last.data
}

test('a new domain has its key and the two keys that identity holds', () => {
  expect(types(after(create))).toEqual([
    'DomainCreated',
    'OperationalKeyCertified',
    'OperationalKeyCertified',
  ])
})

test('creating a hosted domain changes nothing', () => {
  const other: DomainCommand = { ...create, publicKey: keyOf(logKey), at: at + 1 }
  expect(domain.decide(other, given(after(create)))).toEqual([])
})

test('a certified key is signed by the domain key and lives ninety days', () => {
  const events = after(create, certify(deliver))
  const last = events.at(-1)
  if (last?.type !== 'OperationalKeyCertified') throw new Error(last?.type)
  const { kid, notAfterUnixMs, notBeforeUnixMs, publicKey, signature, use } = last.data
  const notBefore = Number(notBeforeUnixMs)
  const notAfter = Number(notAfterUnixMs)
  expect(notAfter).toBe(at + 90 * DAY_MS)
  expect(notBefore).toBeLessThan(at)
  const record = { domain: 'a.test', kid, use, publicKey, notBefore, notAfter }
  expect(verifyStatement('operational-key', record, signature, keyOf(domainKey))).toBe(true)
})

test('the same key asked for again is certified once', () => {
  expect(domain.decide(certify(deliver), given(after(create, certify(deliver))))).toEqual([])
})

test('a key whose term is two thirds over can be certified anew, under another name', () => {
  const tls = {
    use: 'tls',
    publicKey: keyOf(tlsKey),
    holder: 'identity',
    caCertificate: pem,
  } as const
  const history = after(create, certify(tls, at + 61 * DAY_MS))
  const kids = history.flatMap((event) =>
    event.type === 'OperationalKeyCertified' && event.data.use === 'tls' ? [event.data.kid] : [],
  )
  expect(new Set(kids).size).toBe(2)
})

test.each([
  ['for another use', { ...deliver, use: 'log' as const }],
  ['for another holder', { ...deliver, holder: 'inbound' }],
  ['that is the domain key', { ...deliver, publicKey: keyOf(domainKey) }],
])('no key is certified %s', (_, key) => {
  const state = given(after(create, certify(deliver)))
  expect(() => domain.decide(certify(key), state)).toThrow(refusedWith('BAD_KEY'))
})

test.each([
  ['certifies no key', certify(deliver)],
  ['publishes no document', publish()],
])('a domain that nobody created %s', (_, command) => {
  expect(() => domain.decide(command, domain.initialState)).toThrow(refusedWith('NOT_FOUND'))
})

test('the document opens under the domain key and names every valid key', () => {
  const { document } = documentIn(after(create, certify(deliver), publish()))
  const opened = openDocument(document, {
    domain: 'a.test',
    now: at,
    publicKey: keyOf(domainKey),
  })
  expect(opened.keys.map(({ use }) => use)).toEqual(['attest', 'tls', 'deliver'])
  expect(opened).toMatchObject({ serial: 1, log: null, caCertificate: pem })
})

test('a document is published once, and again when a key comes, settings change or time runs out', () => {
  const history = after(create, publish())
  expect(domain.decide(publish(at + DAY_MS), given(history))).toEqual([])

  const moved = { ...settings, endpoints: { ...settings.endpoints, grpc: 'mx2.a.test:8443' } }
  expect(types(domain.decide(publish(at, moved), given(history)))).toEqual([
    'DomainDocumentPublished',
  ])
  expect(types(domain.decide(publish(at + 4 * DAY_MS), given(history)))).toEqual([
    'DomainDocumentPublished',
  ])
  const withLog = after(
    create,
    publish(),
    certify({ use: 'log', publicKey: keyOf(logKey), holder: 'transparency' }),
    publish(),
  )
  const document = openDocument(documentIn(withLog).document, { domain: 'a.test', now: at })
  expect(document.serial).toBe(2)
  expect(document.log?.origin).toBe('a.test/mailx-kt/1')
})

test('a retired attest key stays listed while its attestations live; others leave on time', () => {
  const later = at + 89 * DAY_MS
  const renewedTls = {
    use: 'tls',
    publicKey: keyOf(tlsKey),
    holder: 'identity',
    caCertificate: pem,
  } as const
  const history = after(
    create,
    certify(deliver),
    certify(renewedTls, later),
    publish(at + 91 * DAY_MS),
  )
  const document = openDocument(documentIn(history).document, {
    domain: 'a.test',
    now: at + 91 * DAY_MS,
  })
  expect(document.keys.map(({ use }) => use)).toEqual(['attest', 'tls'])
})

test('without a valid tls key there is no document', () => {
  const state = given(after(create))
  const late = termOf(at).notAfter + 1
  expect(() => domain.decide(publish(late), state)).toThrow(refusedWith('FAILED_PRECONDITION'))
})

test('an event of a newer version leaves the domain as it is', () => {
  const state = given(after(create))
  const unknown = { type: 'DomainMoved', data: {} } as unknown as DomainEvent
  expect(domain.evolve(state, unknown)).toBe(state)
})
