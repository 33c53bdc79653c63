import { toBase64 } from '@mailx/crypto/encoding'
import { expect, test } from 'vitest'
import { parseStaticPeers } from './static-peers.ts'

const key = new Uint8Array(32).fill(7)
const publicKey = toBase64(key)
const endpoint = 'https://mailx.b.test:8443'

test('the file names keys and places of domains', () => {
  const peers = parseStaticPeers(JSON.stringify({ 'B.test': { publicKey, endpoint } }))
  expect([...peers]).toEqual([['b.test', { publicKey: key, host: 'mailx.b.test', port: 8443 }]])
})

test.each([
  ['is not JSON', 'b.test', /JSON/],
  ['has an unknown member', { 'b.test': { publicKey, endpoint, k: 1 } }, /k/],
  ['has a short key', { 'b.test': { publicKey: 'AAAA', endpoint } }, /32/],
  ['has a place without TLS', { 'b.test': { publicKey, endpoint: 'http://b.test' } }, /endpoint/],
  ['has no domain for a name', { 'b..test': { publicKey, endpoint } }, /domain/],
])('a file that %s is refused', (_, content, reason) => {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  expect(() => parseStaticPeers(text)).toThrow(reason)
})
