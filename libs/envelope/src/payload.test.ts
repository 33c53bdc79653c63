import { toBase64, utf8 } from '@mailx/crypto/encoding'
import { seedOf } from '@mailx/keys/testing/sample-domain'
import { expect, test } from 'vitest'
import { attachmentHashes, decodePayload, encodePayload, type Payload } from './payload.ts'
import { samplePayload } from './testing/sample-message.ts'

const refusedWith = (code: string) => expect.objectContaining({ name: 'MailxError', code })
const decode = (change: object) =>
  decodePayload(utf8(JSON.stringify({ ...samplePayload(), ...change })))

const inline = {
  filename: 'a.txt',
  contentType: 'text/plain',
  size: 3,
  data: toBase64(utf8('abc')),
}
const blob = {
  filename: 'b.pdf',
  contentType: 'application/pdf',
  size: 70_000,
  key: toBase64(seedOf('key')),
  header: toBase64(seedOf('header').slice(0, 24)),
  partHashes: [toBase64(seedOf('part 1')), toBase64(seedOf('part 2'))],
}
const attached = (attachment: object) => ({ attachments: [attachment] })

const full: Payload = {
  messageId: samplePayload().messageId,
  from: 'alice@a.example',
  to: ['bob+work@a.example', 'carol@b.example'],
  cc: ['dave@b.example'],
  date: '2026-01-10T12:00:00.000Z',
  subject: 'Größe: 😀',
  contentType: 'text/plain; charset=utf-8',
  body: 'Zeile 1\r\nZeile 2\t\u0000',
  inReplyTo: '01890000-0000-7000-8000-000000000000',
  references: ['01890000-0000-7000-8000-000000000000'],
  attachments: [
    { filename: 'a.txt', contentType: 'text/plain', size: 3, data: utf8('abc') },
    {
      filename: 'שלום.pdf',
      contentType: 'application/pdf',
      size: 70_000,
      key: seedOf('key'),
      header: seedOf('header').slice(0, 24),
      partHashes: [seedOf('part 1'), seedOf('part 2')],
    },
  ],
}

test('what is encoded is decoded', () => {
  expect(decodePayload(encodePayload(full))).toEqual(full)
})

test('the hashes of all parts are known before the message is sent', () => {
  expect(attachmentHashes(full)).toEqual([seedOf('part 1'), seedOf('part 2')])
})

test('Bcc is dropped, whoever wrote it', () => {
  expect(decode({ bcc: ['eve@a.example'] })).not.toHaveProperty('bcc')
  const withBcc = { ...full, bcc: ['eve@a.example'] } as Payload
  expect(new TextDecoder().decode(encodePayload(withBcc))).not.toContain('eve')
})

test.each<[string, object]>([
  ['a message id that is none', { messageId: '<1@a.example>' }],
  ['a sender that is no address', { from: 'Alice <alice@a.example>' }],
  ['a recipient that is no address', { to: ['bob'] }],
  ['recipients that are no list', { to: 'bob@a.example' }],
  ['too many recipients', { cc: Array.from({ length: 101 }, (_, i) => `u${i}@a.example`) }],
  ['a date in another form', { date: 'Sat, 10 Jan 2026 12:00:00 +0000' }],
  ['a subject of two lines', { subject: 'a\nb' }],
  ['a subject that turns the text', { subject: 'a\u202eb' }],
  ['a very long subject', { subject: 'x'.repeat(1001) }],
  ['a subject that is a number', { subject: 1 }],
  ['a body that is a list', { body: [] }],
  ['a content type that is none', { contentType: 'text' }],
  ['a content type of two lines', { contentType: 'text/plain\r\nX: y' }],
  ['references that are no texts', { references: [1] }],
  ['too many references', { references: Array.from({ length: 101 }, () => 'x') }],
  ['an inReplyTo that is null', { inReplyTo: null }],
  ['attachments that are no list', { attachments: {} }],
  ['an attachment that is no object', { attachments: ['x'] }],
  ['too many attachments', { attachments: Array.from({ length: 101 }, () => inline) }],
  ['an attachment with a path', attached({ ...inline, filename: '../../.profile' })],
  ['an attachment with a Windows path', attached({ ...inline, filename: 'C:\\x' })],
  ['an attachment named ..', attached({ ...inline, filename: '..' })],
  ['an attachment named with a NUL', attached({ ...inline, filename: 'a\0.txt' })],
  ['an attachment whose name hides its end', attached({ ...inline, filename: 'x\u202efdp.exe' })],
  ['an attachment without a name', attached({ ...inline, filename: '' })],
  ['an attachment without a type', attached({ ...inline, contentType: undefined })],
  ['an inline attachment of another size', attached({ ...inline, size: 4 })],
  ['an inline attachment in bad base64', attached({ ...inline, data: 'abc' })],
  [
    'an inline attachment over the limit',
    attached({ ...inline, size: 65_537, data: toBase64(new Uint8Array(65_537)) }),
  ],
  ['an attachment that is both', attached({ ...blob, data: inline.data })],
  ['an attachment with neither data nor parts', attached({ ...inline, data: undefined })],
  ['an attachment in no parts', attached({ ...blob, partHashes: [] })],
  ['an attachment in too many parts', attached({ ...blob, partHashes: Array(65).fill(blob.key) })],
  ['an attachment with a short hash', attached({ ...blob, partHashes: ['AAAA'] })],
  ['an attachment with a short key', attached({ ...blob, key: 'AAAA' })],
  ['an attachment with a long header', attached({ ...blob, header: blob.key })],
  ['an attachment beyond 25 MiB', attached({ ...blob, size: 26_214_401 })],
  ['an attachment of negative size', attached({ ...blob, size: -1 })],
])('%s is refused when read', (_what, change) => {
  expect(() => decode(change)).toThrow(refusedWith('BAD_CONTENT'))
})

test('what no reader would take is not written', () => {
  expect(() => encodePayload({ ...full, subject: 'a\nb' })).toThrow(refusedWith('INVALID_ARGUMENT'))
  expect(() => encodePayload({ ...full, body: '\ud800' })).toThrow(refusedWith('INVALID_ARGUMENT'))
  expect(() => encodePayload({ ...full, body: 'x'.repeat(2 ** 20) })).toThrow(
    refusedWith('TOO_LARGE'),
  )
})
