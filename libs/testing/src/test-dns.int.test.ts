import { Resolver } from 'node:dns/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type TestDns, testDns } from './test-dns.ts'

let dns: TestDns
let resolver: Resolver

beforeEach(async () => {
  dns = await testDns([{ name: 'a.test', type: 'TXT', data: ['one', 'two'] }])
  resolver = new Resolver({ timeout: 100, tries: 1 })
  resolver.setServers([dns.address])
})
afterEach(() => dns.stop())

test("Node's resolver reads a record", async () => {
  expect(await resolver.resolveTxt('a.test')).toEqual([['one', 'two']])
})

test("Node's resolver comes back over TCP for a truncated answer", async () => {
  dns.fail('a.test', 'truncated')
  expect(await resolver.resolveTxt('a.test')).toEqual([['one', 'two']])
  expect(dns.queries.map(({ via }) => via)).toEqual(['udp', 'tcp'])
})

test("Node's resolver sees each failure", async () => {
  await expect(resolver.resolveTxt('b.test')).rejects.toMatchObject({ code: 'ENOTFOUND' })
  await expect(resolver.resolve4('a.test')).rejects.toMatchObject({ code: 'ENODATA' })
  dns.fail('a.test', 'SERVFAIL')
  await expect(resolver.resolveTxt('a.test')).rejects.toMatchObject({ code: 'ESERVFAIL' })
  dns.fail('a.test', 'silence')
  await expect(resolver.resolveTxt('a.test')).rejects.toMatchObject({ code: 'ETIMEOUT' })
  dns.fail('a.test')
  expect(await resolver.resolveTxt('a.test')).toHaveLength(1)
})
