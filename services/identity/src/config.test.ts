import { readConfig } from '@mailx/config/read-config'
import { expect, test } from 'vitest'
import { IdentityConfig } from './config.ts'

const key = Buffer.alloc(32, 7).toString('base64')
const env = {
  DATABASE_URL: 'postgres://localhost/mailx',
  IDENTITY_ADDRESS: '127.0.0.1:7001',
  BUS_KEY: key,
  SESSION_KEY: key,
  KEY_ENCRYPTION_KEY: key,
}
const hosted = (HOSTED_DOMAINS: string) =>
  readConfig(IdentityConfig, { ...env, HOSTED_DOMAINS }).HOSTED_DOMAINS

test('hosted domains are a list, which may be empty', () => {
  expect(hosted('')).toEqual([])
  expect(hosted('a.example, b.example')).toEqual(['a.example', 'b.example'])
})

test('what is not a domain is told by the name of the variable', () => {
  for (const wrong of ['not a domain', 'a.example,127.0.0.1', 'a_b.example']) {
    expect(() => hosted(wrong)).toThrow(/HOSTED_DOMAINS: holds something that is not a domain/)
  }
})
