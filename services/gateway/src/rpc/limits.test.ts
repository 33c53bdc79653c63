import { expect, test } from 'vitest'
import { networkOf } from './limits.ts'

test('a caller is known by its IPv4 address', () => {
  expect(networkOf('192.0.2.7:50123')).toBe('192.0.2.7')
  expect(networkOf('::ffff:192.0.2.7:50123')).toBe('192.0.2.7')
})

test('a caller with IPv6 is known by its /64', () => {
  expect(networkOf('2001:db8:1:2:3:4:5:6:50123')).toBe('2001:db8:1:2')
  expect(networkOf('2001:db8:1:2:ffff::9:50123')).toBe('2001:db8:1:2')
  expect(networkOf('2001:db8::5:50123')).toBe('2001:db8:0:0')
  expect(networkOf('::1:50123')).toBe('0:0:0:0')
})

test('a caller that the transport cannot name shares one bucket with its like', () => {
  expect(networkOf('unknown')).toBe('unknown')
})
