import { toBase64, utf8 } from '@mailx/crypto/encoding'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { answerLine } from './answer-line.ts'
import { calls } from './calls.ts'

const answerTo = (line: string | Uint8Array) => {
  const bytes = typeof line === 'string' ? utf8(line) : line
  return JSON.parse(answerLine({ status: 'whole', bytes }))
}
const ask = (call: string, fields: object) => answerTo(JSON.stringify({ id: 1, call, ...fields }))

test.each<[string, string | Uint8Array]>([
  ['an empty line', ''],
  ['white space', '  \t'],
  ['no JSON', 'hello'],
  ['a number', '7'],
  ['null', 'null'],
  ['a list', '[{"id":1}]'],
  ['half an object', '{"id":1,"call"'],
  ['a member twice', '{"x":1,"x":1}'],
  ['a member named __proto__', '{"__proto__":{}}'],
  ['invalid UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d)],
  ['a byte order mark', '\ufeff{"id":1}'],
  ['a million levels', '['.repeat(1_000_000)],
  ['an object a million levels deep', '{"a":'.repeat(1_000_000)],
  ['an unfinished string of a megabyte', `"${'x'.repeat(1_000_000)}`],
])('%s is answered like any other line', (_what, line) => {
  expect(answerTo(line)).toMatchObject({ ok: false, error: 'INVALID_ARGUMENT' })
})

test('a line over the limit is answered', () => {
  const start = utf8('{"id":5,"call":"blake2b","message":"AAAA')
  expect(JSON.parse(answerLine({ status: 'too long', start }))).toMatchObject({
    id: 5,
    ok: false,
    error: 'TOO_LARGE',
  })
})

test.each<[unknown, string]>([
  [1, '{"id":1}'],
  ['x', '{"id":"x"}'],
  [null, '{}'],
  [null, '{"id":null}'],
  [null, '{"id":[1]}'],
  [null, '{"id":{}}'],
  [3, '{"id":3,"call":}'],
  ['y', ' { "id" : "y" , "call":"x",}'],
  [-4, `{"id":-4,"x":${'['.repeat(100)}`],
  [null, '{"call":"x","id":3'],
])('the id is %j of %s', (id, line) => {
  expect(answerTo(line)).toMatchObject({ id, ok: false })
})

test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', ''])(
  'there is no call %j',
  (call) => {
    expect(ask(call, {})).toMatchObject({ ok: false, error: 'NOT_FOUND' })
  },
)

test('a purpose is not a member of the prototype', () => {
  for (const purpose of ['constructor', 'toString', 'nonsense']) {
    const answer = ask('statement.encode', { purpose, fields: {} })
    expect(answer).toMatchObject({ ok: false, error: 'INVALID_ARGUMENT' })
  }
})

test.each([...calls.keys()])('%s says what it lacks', (call) => {
  expect(ask(call, {})).toMatchObject({ id: 1, ok: false, error: 'INVALID_ARGUMENT' })
})

const wrong = [null, true, -1, 1.5, '', 'é', [], [null], {}, 'AAAA', 9_007_199_254_740_991]
const names = (
  'publicKey message signature secretKey length key nonce ciphertext purpose fields text records ' +
  'bytes envelope content keyring sender leaf leafHash index size root proof size1 size2 root1 ' +
  'root2 note verifiers address devices id name'
).split(' ')
const value = fc.oneof(
  fc.constantFrom(...wrong),
  fc.base64String({ maxLength: 90 }),
  fc.jsonValue(),
)

test('no request makes a call fail in a way of its own', { timeout: 60_000 }, () => {
  const request = fc.record({
    call: fc.constantFrom(...calls.keys()),
    fields: fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 12 }),
  })
  fc.assert(
    fc.property(request, ({ call, fields }) => {
      const answer = ask(call, { ...fields, id: 1, call })
      expect(answer).not.toMatchObject({ error: 'INTERNAL' })
    }),
    { numRuns: 2000 },
  )
})

test('large bytes are no problem', { timeout: 60_000 }, () => {
  const message = toBase64(new Uint8Array(20_000_000))
  expect(ask('blake2b', { message })).toMatchObject({ ok: true })
})

const encode = (at: unknown) =>
  ask('statement.encode', {
    purpose: 'key-revocation',
    fields: { address: 'a@b.example', key: '', kind: 'x', at },
  })

test('integers are numbers or decimal digits', () => {
  expect(encode(7)).toEqual(encode('7'))
  expect(encode('18446744073709551615')).toMatchObject({ ok: true })
  for (const at of ['18446744073709551616', -1, 1.5, '0x7', '', null, true]) {
    expect(encode(at)).toMatchObject({ ok: false, error: 'INVALID_ARGUMENT' })
  }
})

test('both encoders give the same bytes', () => {
  const id = toBase64(new Uint8Array(16).fill(1))
  const key = toBase64(new Uint8Array(32).fill(2))
  const device = { id, name: 'é', signingKey: key, encryptionKey: key, addedAt: 5, mailbox: 1 }
  const typed = ask('statement.encode', {
    purpose: 'device-list',
    fields: { address: 'a@b.example', version: 1, previousHash: key, devices: [device] },
  })
  const plain = ask('statement.encode', {
    purpose: 'device-list',
    fields: [toBase64(utf8('a@b.example')), 1, key, [[id, toBase64(utf8('é')), key, key, 5, 1]]],
  })
  expect(typed).toMatchObject({ ok: true })
  expect(plain).toEqual(typed)
})
