import { LookUpKeysResponse } from '@mailx/proto/directory/v1/directory_service'
import { KeyBundle } from '@mailx/proto/keys/v1/keys'
import { LookUpPeerKeysResponse } from '@mailx/proto/peer/v1/peer_service'
import { describe, expect, test } from 'vitest'
import { answerSize, paddingFor } from './padded-size.ts'

test('the size depends on how many were asked for and on the document', () => {
  expect(answerSize(1, 3000)).toBe(16 * 1024)
  expect(answerSize(1, 4096)).toBe(16 * 1024)
  expect(answerSize(1, 4097)).toBe(20 * 1024)
  expect(answerSize(5, 3000)).toBe(5 * 16 * 1024)
  expect(answerSize(0, 0)).toBe(12 * 1024)
})

const unpadded = (bytes: number): LookUpKeysResponse => {
  const bundle = KeyBundle.create({ domainDocument: new Uint8Array(bytes) })
  const answers = [{ address: 'bob@b.test', bundle, code: '', message: '' }]
  return { answers, padding: new Uint8Array(0) }
}

describe('with its padding an answer has exactly that size', () => {
  test.each([0, 1, 100, 5000, 16_200, 16_230, 16_240, 16_246, 16_250])(
    '%i bytes of keys',
    (bytes) => {
      const response = unpadded(bytes)
      const { length } = LookUpKeysResponse.encode(response).finish()
      const padding = new Uint8Array(paddingFor(length, 16 * 1024))
      const padded = LookUpKeysResponse.encode({ ...response, padding }).finish()
      expect(padded.length).toBe(16 * 1024)
    },
  )

  test('too much for it goes to the next step', () => {
    const response = unpadded(20_000)
    const { length } = LookUpKeysResponse.encode(response).finish()
    const padding = new Uint8Array(paddingFor(length, 16 * 1024))
    expect(LookUpKeysResponse.encode({ ...response, padding }).finish().length).toBe(20 * 1024)
  })

  test('also as the peer protocol says it', () => {
    const response = unpadded(700)
    const { length } = LookUpKeysResponse.encode(response).finish()
    const padding = new Uint8Array(paddingFor(length, 16 * 1024))
    const answers = response.answers.map(({ address, bundle }) => ({ address, bundle }))
    expect(LookUpPeerKeysResponse.encode({ answers, padding }).finish().length).toBe(16 * 1024)
  })
})
