import { toBase64, utf8 } from '@mailx/crypto/encoding'
import { signingKeyPair } from '@mailx/crypto/sign'
import { expect, test } from 'vitest'
import vectors from '../vectors/signed-note.json' with { type: 'json' }
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts'
import { formatVerifierKey, openNote, parseVerifierKey, signNote } from './note.ts'

const key = signingKeyPair(new Uint8Array(32).fill(7))
const signer = { name: 'a.test/mailx-kt/1', ...key }
const text = formatCheckpoint({ origin: signer.name, size: 5, root: new Uint8Array(32) })
const note = signNote(text, signer)

test.each(vectors.cases)('the note of $source opens', ({ note: published, verifiers }) => {
  const known = verifiers.map(parseVerifierKey)
  expect(openNote(published, known).verifiedBy).toEqual(known.map(({ name }) => name))
  expect(known.map(formatVerifierKey)).toEqual(verifiers)
  const [first] = known
  expect(openNote(published, known.slice(0, 1)).verifiedBy).toEqual([first?.name])
})

test('a note opens for who knows a signer, and says who signed', () => {
  const second = { name: 'witness', ...signingKeyPair(new Uint8Array(32).fill(8)) }
  const line = signNote(text, second).split('\n\n')[1] ?? ''
  expect(openNote(note + line, [second])).toEqual({ text, verifiedBy: ['witness'] })
  expect(openNote(note + line, [second, signer]).verifiedBy).toEqual([signer.name, 'witness'])
})

test.each([
  ['its text changed', note.replace('\n5\n', '\n6\n')],
  ['its signature changed', note.replace(/.(=*)\n$/, (_all, pad: string) => `A${pad}\n`)],
  ['no signature', `${text}\n`],
  ['no empty line', note.replace('\n\n', '\n')],
  ['no newline at the end', note.slice(0, -1)],
  ['a control character', note.replace('5', '\t5')],
  ['a control character in a name', note.replace('— a', '— \u0001a')],
  ['half a character', note.replace('5', '\ud800')],
  ['two spaces in a signature line', note.replace('— ', '—  ')],
  ['carriage returns', note.replaceAll('\n', '\r\n')],
  ['a signature line without a dash', note.replace('— ', '- ')],
  ['a signature that is too short', `${text}\n— ${signer.name} ${toBase64(utf8('abc'))}\n`],
  ['too many signatures', note + (note.split('\n\n')[1] ?? '').repeat(100)],
])('a note with %s is refused', (_what, changed) => {
  expect(() => openNote(changed, [signer])).toThrow(expect.objectContaining({ code: 'BAD_NOTE' }))
})

test('a note that only strangers signed is refused', () => {
  const stranger = { ...signer, publicKey: signingKeyPair(new Uint8Array(32).fill(9)).publicKey }
  expect(() => openNote(note, [stranger])).toThrow('nobody whose key is known')
  expect(() => openNote(note, [])).toThrow('nobody whose key is known')
})

test.each(['', 'name', 'name+0000+AAAA', formatVerifierKey(signer).replace('a.test', 'b.test')])(
  'the verifier key %j is refused',
  (verifier) => {
    expect(() => parseVerifierKey(verifier)).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
  },
)

test('a checkpoint survives as text, extensions included', () => {
  const checkpoint = {
    origin: 'x',
    size: 0,
    root: new Uint8Array(32).fill(1),
    extensions: ['more'],
  }
  expect(parseCheckpoint(formatCheckpoint(checkpoint))).toEqual(checkpoint)
})

test.each([
  '',
  'x\n',
  'x\n1\n',
  '\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n',
  'x\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n',
  'x\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n',
  'x\n9999999999999999\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n',
  'x\n1\nAAAA\n',
  'x\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n',
  'x\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
])('%j is no checkpoint', (body) => {
  expect(() => parseCheckpoint(body)).toThrow(expect.objectContaining({ code: 'BAD_NOTE' }))
})

test('a known signer whose name another key bears is not mixed up with it', () => {
  const rotated = { name: signer.name, ...signingKeyPair(new Uint8Array(32).fill(10)) }
  expect(openNote(note, [rotated, signer]).verifiedBy).toEqual([signer.name])
  expect(() => openNote(note, [rotated])).toThrow('nobody whose key is known')
})

test('text beyond ASCII and empty lines are part of a note', () => {
  const poem = 'trafitto da un raggio di sole:\n\n\u00e8 subito sera.\n'
  expect(openNote(signNote(poem, signer), [signer])).toEqual({
    text: poem,
    verifiedBy: [signer.name],
  })
})

test.each(['', 'two words', 'a+b', 'a\u0085b', 'a\u00a0b', 'a\nb', '\ud800'])(
  'nobody signs as %j',
  (name) => {
    expect(() => signNote(text, { ...signer, name })).toThrow(
      expect.objectContaining({ code: 'BAD_NOTE' }),
    )
  },
)

const checkpoint = { origin: 'x', size: 1, root: new Uint8Array(32) }

test.each([
  ['without an origin', { origin: '' }],
  ['with an origin of two lines', { origin: 'x\n9' }],
  ['of a negative size', { size: -1 }],
  ['of a size that no number holds', { size: 2 ** 53 }],
  ['with a root of 31 bytes', { root: new Uint8Array(31) }],
  ['with an empty extension', { extensions: [''] }],
  ['with an extension of two lines', { extensions: ['a\nb'] }],
])('a checkpoint %s is not written', (_what, change) => {
  expect(() => formatCheckpoint({ ...checkpoint, ...change })).toThrow(
    expect.objectContaining({ code: 'BAD_NOTE' }),
  )
})
