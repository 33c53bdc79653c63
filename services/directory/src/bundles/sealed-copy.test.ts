import type { Keys } from '@mailx/crypto/current-keys'
import { utf8 } from '@mailx/crypto/encoding'
import { expect, test } from 'vitest'
import { openCopy, sealCopy } from './sealed-copy.ts'

const keys: Keys = [new Uint8Array(32).fill(1)]
const others: Keys = [new Uint8Array(32).fill(2)]
const nonce = new Uint8Array(24).fill(3)
const copy = utf8('bob@b.test and his keys')
const sealed = sealCopy(keys, nonce, copy)

test('a copy shows nothing, and opens to what was sealed', () => {
  expect(Buffer.from(sealed).toString('latin1')).not.toContain('bob')
  expect(openCopy(keys, sealed)).toEqual(copy)
})

test('while the key changes, a copy under either opens', () => {
  expect(openCopy([others[0], keys[0]], sealed)).toEqual(copy)
  expect(openCopy(keys, sealCopy([others[0], keys[0]], nonce, copy))).toBeUndefined()
})

test.each([
  ['of another key', sealCopy(others, nonce, copy)],
  ['that was changed', Uint8Array.from(sealed, (byte, at) => (at === 30 ? byte ^ 1 : byte))],
  ['that was cut', sealed.slice(0, 30)],
  ['that is empty', new Uint8Array(0)],
])('a copy %s is none', (_, bytes) => {
  expect(openCopy(keys, bytes)).toBeUndefined()
})
