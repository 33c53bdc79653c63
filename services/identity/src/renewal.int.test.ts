import { authorityOf } from '@mailx/federation/peer-authority'
import { callUnary } from '@mailx/grpc/client'
import { verifyAttestation } from '@mailx/keys/attestation'
import { keysFor, openDocument } from '@mailx/keys/domain-document'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type IdentityRig,
  identityRig,
  newUser,
  type Replica,
  registration,
} from './testing/identity-rig.ts'

const DAY_MS = 24 * 60 * 60 * 1000

let rig: IdentityRig
let first: Replica
beforeAll(async () => {
  rig = await identityRig()
  first = await rig.start({ HOSTED_DOMAINS: 'a.test' })
})
afterAll(() => rig.stop())

const now = () => Date.now() + rig.clock.offset

async function documentOf(domain: string) {
  const { document } = await callUnary(first.client.getDomainDocument, { domain })
  return openDocument(document, { domain, now: now() })
}

async function registered(address: string) {
  const user = newUser(address, now())
  await callUnary(first.client.registerUser, registration(user, now()))
  return user
}

test('keys and documents are renewed by themselves, long before they end', async () => {
  const before = await documentOf('a.test')
  rig.clock.offset = 61 * DAY_MS
  const renewer = await rig.start()
  await expect
    .poll(async () => (await documentOf('a.test')).keys.length, { timeout: 10_000 })
    .toBe(3)
  const after = await documentOf('a.test')
  expect(after.serial).toBeGreaterThan(before.serial)
  expect(keysFor(after, 'attest', now())).toHaveLength(2)
  expect(authorityOf(after, now()).publicKey).toEqual(authorityOf(before, now()).publicKey)
  rig.clock.offset = 0
  await renewer.service.stop()
})

test('an attestation is renewed before it ends', async () => {
  const user = await registered('frank@a.test')
  rig.clock.offset = 320 * DAY_MS
  const renewer = await rig.start()
  await expect
    .poll(
      async () => {
        const { identity } = await callUnary(first.client.registerUser, registration(user, now()))
        return Number(identity?.createdAtUnixMs)
      },
      { timeout: 10_000 },
    )
    .toBeGreaterThan(Date.now() + 300 * DAY_MS)
  const { identity } = await callUnary(first.client.registerUser, registration(user, now()))
  if (identity === undefined) throw new Error('no identity')
  verifyAttestation(identity, await documentOf('a.test'), now())
  rig.clock.offset = 0
  await renewer.service.stop()
})
