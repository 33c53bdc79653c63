import { expect, test } from 'vitest'
import { hostedDomainOf } from './hosted-names.ts'

const isHosted = (domain: string) => domain === 'a.test' || domain === 'sub.b.test'

test('a domain is its own host', () => {
  expect(hostedDomainOf('a.test', isHosted)).toBe('a.test')
  expect(hostedDomainOf('A.Test', isHosted)).toBe('a.test')
})

test('a host below a hosted domain belongs to it', () => {
  expect(hostedDomainOf('mailx.a.test', isHosted)).toBe('a.test')
  expect(hostedDomainOf('x.y.sub.b.test', isHosted)).toBe('sub.b.test')
})

test('nothing else belongs to a hosted domain', () => {
  const hosts = ['b.test', 'xa.test', 'test', '', 'a.test.', '127.0.0.1', 'a..test', '\u0000']
  expect(hosts.filter((host) => hostedDomainOf(host, isHosted) !== undefined)).toEqual([])
})
