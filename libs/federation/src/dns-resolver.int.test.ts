import { type TestDns, testDns } from '@mailx/testing/test-dns'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { configuredResolver } from './configured-resolver.ts'
import { dnsResolver, isTrusted, type Resolver } from './dns-resolver.ts'

let dns: TestDns
let resolver: Resolver
beforeEach(async () => {
  dns = await testDns([
    { name: 'a.test', type: 'A', data: '192.0.2.1' },
    { name: 'a.test', type: 'AAAA', data: '2001:db8::1' },
    { name: '_mailx.a.test', type: 'TXT', data: ['v=mailx1', ';k=x'] },
  ])
  resolver = resolverAt(dns.port)
})
afterEach(() => dns.stop())

const resolverAt = (port: number) =>
  dnsResolver([{ host: '127.0.0.1', port, trusted: false }], { timeoutMs: 150, tries: 2 })

const temporary = expect.objectContaining({ code: 'DISCOVERY_FAILED' })

test('records are found, the strings of one TXT record kept apart', async () => {
  expect(await resolver.txt('_mailx.a.test')).toEqual({
    records: [['v=mailx1', ';k=x']],
    ttlMs: 60_000,
    secure: false,
    noSuchName: false,
  })
  expect(await resolver.address('a.test', 4)).toMatchObject({ records: ['192.0.2.1'] })
  expect(await resolver.address('a.test', 6)).toMatchObject({ records: ['2001:db8::1'] })
})

test('no such name and no such record are different answers', async () => {
  expect(await resolver.txt('b.test')).toMatchObject({ records: [], noSuchName: true })
  expect(await resolver.txt('a.test')).toMatchObject({ records: [], noSuchName: false })
})

test('an answer that does not fit into a datagram is fetched over TCP', async () => {
  const long = 'x'.repeat(5000)
  dns.add({ name: 'long.test', type: 'TXT', data: long })
  const { records } = await resolver.txt('long.test')
  expect(records[0]?.join('')).toBe(long)
  expect(dns.queries.map(({ via }) => via)).toEqual(['udp', 'tcp'])
})

test.each(['SERVFAIL', 'REFUSED'] as const)('%s may be different in a minute', async (failure) => {
  dns.fail('_mailx.a.test', failure)
  await expect(resolver.txt('_mailx.a.test')).rejects.toThrow(temporary)
  expect(dns.queries).toHaveLength(2)
})

test.each(['silence', 'garbage', 'wrong-id'] as const)(
  'after %s it asks again, then gives up for now',
  async (failure) => {
    dns.fail('_mailx.a.test', failure)
    await expect(resolver.txt('_mailx.a.test')).rejects.toThrow(/did not answer in time/)
    expect(dns.queries).toHaveLength(2)
  },
)

test('a resolver that is down is passed over', async () => {
  const gone = await testDns()
  await gone.stop()
  const servers = [gone.port, dns.port].map((port) => ({ host: '127.0.0.1', port, trusted: false }))
  const both = dnsResolver(servers as never, { timeoutMs: 150 })
  expect(await both.address('a.test', 4)).toMatchObject({ records: ['192.0.2.1'] })
})

describe('aliases', () => {
  test('are followed inside one answer', async () => {
    dns.add({ name: '_mailx.b.test', type: 'CNAME', data: '_mailx.a.test' })
    expect(await resolver.txt('_mailx.b.test')).toMatchObject({ records: [['v=mailx1', ';k=x']] })
  })

  test.each([1, 2, 3])('that go round in a loop of %i are a broken record', async (length) => {
    for (let at = 0; at < length; at += 1) {
      const next = (at + 1) % length
      dns.add({ name: `loop${at}.test`, type: 'CNAME', data: `loop${next}.test` })
    }
    await expect(resolver.txt('loop0.test')).rejects.toMatchObject({ code: 'BAD_MAILX_RECORD' })
  })
})

describe('DNSSEC', () => {
  test('is believed from a resolver on this machine, also about names that do not exist', async () => {
    dns.setSecure('_mailx.a.test', true)
    dns.setSecure('gone.test', true)
    expect(await resolver.txt('_mailx.a.test')).toMatchObject({ secure: true })
    expect(await resolver.txt('gone.test')).toMatchObject({ secure: true, noSuchName: true })
  })

  test.each([
    [{ host: '127.0.0.1', port: 53, trusted: false }, true],
    [{ host: '127.8.0.1', port: 53, trusted: false }, true],
    [{ host: '::1', port: 53, trusted: false }, true],
    [{ host: '192.0.2.53', port: 53, trusted: false }, false],
    [{ host: '192.0.2.53', port: 53, trusted: true }, true],
  ])('from %o counts: %s', (server, counts) => {
    expect(isTrusted(server)).toBe(counts)
  })
})

test('the configuration names servers, or leaves it to the system', async () => {
  const configured = configuredResolver(` 127.0.0.1:${dns.port} `, false)
  expect(await configured.address('a.test', 4)).toMatchObject({ records: ['192.0.2.1'] })
  expect(configuredResolver('', false)).toBeTypeOf('object')
  expect(configuredResolver('[::1]:5353, 192.0.2.53', true)).toBeTypeOf('object')
  expect(() => configuredResolver('dns.example', false)).toThrow(/is not an address/)
})
