import { toBase64 } from '@mailx/crypto/encoding'
import { expect, test } from 'vitest'
import { seedOf } from './testing/sample-domain.ts'
import { formatTxt, parseTxt } from './txt-record.ts'

const key = toBase64(seedOf('key'))
const next = toBase64(seedOf('next key'))
const e = 'e=https://mailx.example.com:8443'
const good = `v=mailx1;k=${key};${e}`

const refusedWith = (code: string) => expect.objectContaining({ name: 'MailxError', code })

test('a record says the domain key and where the server is', () => {
  expect(parseTxt([[good]])).toEqual({
    publicKeys: [seedOf('key')],
    endpoint: { host: 'mailx.example.com', port: 8443 },
    raw: good,
  })
})

test('what is formatted is read back', () => {
  const record = {
    publicKeys: [seedOf('key'), seedOf('next key')],
    endpoint: { host: 'mailx.example.com', port: 443 },
  }
  expect(parseTxt([[formatTxt(record)]])).toEqual({ ...record, raw: formatTxt(record) })
})

test.each([
  ['strings are joined without a space', [[good.slice(0, 20), good.slice(20, 21), good.slice(21)]]],
  ['records of others are ignored', [['v=spf1 -all'], [good], ['google-site-verification=x']]],
  ['later versions are ignored', [['v=mailx2;q=1'], [good], ['v=mailx10']]],
  ['an empty record is ignored', [[], [''], [good]]],
  ['unknown tags are ignored', [[`v=mailx1;x=1;k=${key};new_tag=a=b/c;${e}`]]],
  ['an unknown tag may be empty', [[`${good};x=`]]],
  ['tags come in any order', [[`v=mailx1;${e};k=${key}`]]],
  ['one semicolon may close the record', [[`${good};`]]],
])('%s', (_what, records) => {
  const { publicKeys, endpoint } = parseTxt(records)
  expect(publicKeys).toEqual([seedOf('key')])
  expect(endpoint).toEqual({ host: 'mailx.example.com', port: 8443 })
})

test('an announced next key stands beside the current one', () => {
  expect(parseTxt([[`${good};k=${next}`]]).publicKeys).toEqual([seedOf('key'), seedOf('next key')])
})

const at = (endpoint: string) => parseTxt([[`v=mailx1;k=${key};e=${endpoint}`]]).endpoint

test('the port of https is meant where none is said, and a host is taken in lower case', () => {
  expect(at('https://MailX.Example.COM')).toEqual({ host: 'mailx.example.com', port: 443 })
  expect(at('https://mailx.example.com/')).toEqual({ host: 'mailx.example.com', port: 443 })
})

test.each([
  ['there is no record', []],
  ['there is only an empty one', [['']]],
  ['all records are of others', [['v=spf1 -all'], ['mailx1'], ['k=abc;v=mailx1']]],
  ['the version is another', [['v=mailx2;k=x'], ['v=mailx'], ['v=mailx1x;']]],
])('NO_MAILX_RECORD when %s', (_what, records) => {
  expect(() => parseTxt(records)).toThrow(refusedWith('NO_MAILX_RECORD'))
})

const k31 = toBase64(seedOf('key').subarray(0, 31))
const k33 = toBase64(Uint8Array.of(...seedOf('key'), 0))

test.each([
  ['two records are ours', [[good], [good]]],
  ['two records are ours and one is broken', [[good], ['v=mailx1']]],
  ['the key is missing', [[`v=mailx1;${e}`]]],
  ['the endpoint is missing', [[`v=mailx1;k=${key}`]]],
  ['nothing follows the version', [['v=mailx1']]],
  ['the version appears twice', [[`v=mailx1;${good}`]]],
  ['the endpoint appears twice', [[`${good};${e}`]]],
  ['a key appears twice', [[`${good};k=${key}`]]],
  [
    'there are five keys',
    [[[1, 2, 3, 4].reduce((r, n) => `${r};k=${toBase64(seedOf(`${n}`))}`, good)]],
  ],
  ['the key has 31 bytes', [[`v=mailx1;k=${k31};${e}`]]],
  ['the key has 33 bytes', [[`v=mailx1;k=${k33};${e}`]]],
  ['the key is empty', [[`v=mailx1;k=;${e}`]]],
  ['the key lacks its padding', [[`v=mailx1;k=${key.replace('=', '')};${e}`]]],
  ['the key is in URL-safe base64', [[`v=mailx1;k=${'-_'.padEnd(43, 'A')}=;${e}`]]],
  ['the key has stray bits', [[`v=mailx1;k=${'A'.repeat(42)}B=;${e}`]]],
  ['the key is in hexadecimal', [[`v=mailx1;k=${'ab'.repeat(32)};${e}`]]],
  ['a space follows a semicolon', [[good.replaceAll(';', '; ')]]],
  ['a space leads', [[` ${good}`]]],
  ['a space trails', [[`${good} `]]],
  ['a tab stands around the equals sign', [[good.replace('v=', 'v\t=')]]],
  ['strings are joined with a space', [[`${good.slice(0, 30)} ${good.slice(30)}`]]],
  ['the version is in capitals', [[good.replace('v=mailx1', 'v=MAILX1')]]],
  ['the tag v is in capitals', [[good.replace('v=', 'V=')]]],
  ['the tag k is in capitals', [[good.replace('k=', 'K=')]]],
  ['the version is in quotes', [[good.replace('v=mailx1', 'v="mailx1"')]]],
  ['a part is no tag', [[`${good};nonsense`]]],
  ['a part is empty', [[good.replace(';', ';;')]]],
  ['two semicolons close it', [[`${good};;`]]],
  ['a tag has no name', [[`${good};=x`]]],
  ['it holds a letter beyond ASCII', [[`${good};x=é`]]],
  ['it holds a control character', [[`${good};x=\u0000`]]],
  ['it holds a line feed', [[`${good}\n`]]],
  ['it is longer than 4 KiB', [[`${good};x=${'y'.repeat(4096)}`]]],
  ['the endpoint is http', [[good.replace('https:', 'http:')]]],
  ['the endpoint is in capitals', [[good.replace('https:', 'HTTPS:')]]],
  ['the endpoint has no scheme', [[good.replace('https://', '')]]],
  ['the endpoint has a path', [[`${good}/path`]]],
  ['the endpoint has a query', [[`${good}?q`]]],
  ['the endpoint has a fragment', [[`${good}#f`]]],
  ['the endpoint has a user', [[good.replace('//', '//user@')]]],
  ['the endpoint has a user and a password', [[good.replace('//', '//user:secret@')]]],
  ['the port is zero', [[good.replace('8443', '0')]]],
  ['the port is too large', [[good.replace('8443', '65536')]]],
  ['the port is no number', [[good.replace('8443', 'https')]]],
  ['the port is empty', [[good.replace('8443', '')]]],
  ['the host is empty', [[good.replace('mailx.example.com', '')]]],
  ['the host is an IPv4 address', [[good.replace('mailx.example.com', '127.0.0.1')]]],
  ['the host is an IPv6 address', [[good.replace('mailx.example.com', '[::1]')]]],
  ['the host is an address in one number', [[good.replace('mailx.example.com', '2130706433')]]],
  ['the host has an empty label', [[good.replace('mailx.', 'mailx..')]]],
  ['the host has a label of 64', [[good.replace('mailx.', `${'a'.repeat(64)}.`)]]],
  ['the host has escapes', [[good.replace('mailx.', 'mail%78.')]]],
  ['the host is not ASCII', [[good.replace('mailx.', 'mäilx.')]]],
])('BAD_MAILX_RECORD when %s', (_what, records) => {
  expect(() => parseTxt(records)).toThrow(refusedWith('BAD_MAILX_RECORD'))
})

test('a record of a hundred thousand characters costs no more than reading it', () => {
  for (const filler of [' ', ';', 'a', '=', 'v=mailx1;', 'k=;']) {
    const record = `v=mailx1;${filler.repeat(100_000)}`
    const start = performance.now()
    expect(() => parseTxt([[record]])).toThrow(refusedWith('BAD_MAILX_RECORD'))
    expect(performance.now() - start).toBeLessThan(2_000)
  }
})
