import { utf8 } from '@mailx/crypto/encoding'
import { keysFor } from '@mailx/keys/domain-document'
import { sampleDomain } from '@mailx/keys/testing/sample-domain'
import type {
  DirectoryServiceClient,
  GetPeerRequest,
  Peer,
} from '@mailx/proto/directory/v1/directory_service'
import { beforeEach, expect, test } from 'vitest'
import { peerDocuments } from './peer-documents.ts'

const START = Date.UTC(2026, 0, 1)
const { document } = sampleDomain('b.test', [], START)
const kid = keysFor(document, 'deliver', START)[0]?.kid ?? ''

let now: number
/** What directory answers, and how it was asked. */
let answer: string
let asked: boolean[]

type Callback = Parameters<DirectoryServiceClient['getPeer']>[3]

const directory = {
  getPeer(request: GetPeerRequest, _metadata: unknown, _options: unknown, callback: Callback) {
    asked.push(request.fresh)
    queueMicrotask(() => callback(null, { document: utf8(answer) } as Peer))
    return { cancel: () => {} }
  },
} as unknown as Pick<DirectoryServiceClient, 'getPeer'>

beforeEach(() => {
  now = START
  asked = []
  answer = JSON.stringify({ ...document, keys: [] })
})

test('a key that its domain has just made is found five seconds later at the latest', async () => {
  const documents = peerDocuments({ directory, now: () => now })
  expect(await documents.findKey('b.test', kid)).toBeUndefined()
  answer = JSON.stringify(document)
  now += 4_999
  expect(await documents.findKey('b.test', kid)).toBeUndefined()
  expect(asked).toEqual([false, true])
  now += 1
  expect(await documents.findKey('b.test', kid)).toBeDefined()
  expect(asked).toEqual([false, true, true])
})

test('what is known is not asked for again within a minute', async () => {
  answer = JSON.stringify(document)
  const documents = peerDocuments({ directory, now: () => now })
  for (const at of [0, 30_000, 59_999, 60_000]) {
    now = START + at
    expect(await documents.findKey('b.test', kid)).toBeDefined()
  }
  expect(asked).toEqual([false, false])
})
