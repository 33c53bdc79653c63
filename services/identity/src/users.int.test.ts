import { toHex } from '@mailx/crypto/encoding'
import { callUnary } from '@mailx/grpc/client'
import { verifyAttestation } from '@mailx/keys/attestation'
import { makeDeviceList } from '@mailx/keys/device-list'
import { openDocument } from '@mailx/keys/domain-document'
import { openSessionToken } from '@mailx/statement/session-token'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type IdentityRig,
  identityRig,
  newDevice,
  newUser,
  type Replica,
  registration,
  sessionKey,
  signedChallenge,
} from './testing/identity-rig.ts'

const refusal = (code: string) => expect.objectContaining({ code })

let rig: IdentityRig
let first: Replica
let second: Replica
beforeAll(async () => {
  rig = await identityRig()
  first = await rig.start({ HOSTED_DOMAINS: 'a.test' })
  second = await rig.start()
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

test('a registered user is attested by the domain, and registering again answers the same', async () => {
  const user = newUser('alice@a.test')
  const { identity } = await callUnary(first.client.registerUser, registration(user))
  if (identity === undefined) throw new Error('no identity')
  verifyAttestation(identity, await documentOf('a.test'), now())
  const again = await callUnary(second.client.registerUser, registration(user, now() + 1))
  expect(again.identity).toEqual(identity)
  const thief = registration(newUser('alice@a.test'))
  await expect(callUnary(second.client.registerUser, thief)).rejects.toEqual(
    refusal('ALREADY_EXISTS'),
  )
})

test('of two who register an address at once, one gets it', async () => {
  const calls = [first, second, first, second].map(({ client }) =>
    callUnary(client.registerUser, registration(newUser('race@a.test'))),
  )
  const settled = await Promise.allSettled(calls)
  const refusals = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  expect(refusals).toEqual([1, 2, 3].map(() => refusal('ALREADY_EXISTS')))
})

test.each([
  ['nobody@elsewhere.test', 'NOT_FOUND'],
  ['no address', 'INVALID_ADDRESS'],
  ['Alice@a.test', 'INVALID_ADDRESS'],
])('nobody registers %s', async (address, code) => {
  const user = newUser('alice@a.test')
  const call = callUnary(first.client.registerUser, { ...registration(user), address })
  await expect(call).rejects.toEqual(refusal(code))
})

test('a device signs in once with one challenge, and the token says who it is', async () => {
  const { address, device } = await registered('carol@a.test')
  const signed = await signedChallenge(first.client, address, device)
  const { expiresAtUnixMs, token } = await callUnary(second.client.openSession, signed)
  const session = openSessionToken(token, [sessionKey], now())
  expect(session).toMatchObject({ address, expiresAt: Number(expiresAtUnixMs) })
  expect(toHex(session.deviceId)).toBe(toHex(device.listed.id))
  await expect(callUnary(first.client.openSession, signed)).rejects.toEqual(
    refusal('UNAUTHENTICATED'),
  )
})

test('a challenge is answered alike for everybody; signing in is refused alike', async () => {
  const { address, device } = await registered('dora@a.test')
  const stranger = newDevice(now())
  const known = await signedChallenge(first.client, address, stranger)
  const unknown = await signedChallenge(first.client, 'nobody@a.test', stranger)
  expect(unknown.nonce).toHaveLength(known.nonce.length)
  const reasons = await Promise.all(
    [known, unknown].map((signed) =>
      callUnary(first.client.openSession, signed).catch((error: unknown) => error),
    ),
  )
  expect(reasons).toEqual([refusal('UNAUTHENTICATED'), refusal('UNAUTHENTICATED')])
  expect(String(reasons[0])).toBe(String(reasons[1]))

  const late = await signedChallenge(first.client, address, device)
  rig.clock.offset = 3 * 60_000
  await expect(callUnary(first.client.openSession, late)).rejects.toEqual(
    refusal('UNAUTHENTICATED'),
  )
  rig.clock.offset = 0
})

test('a device that left the list cannot sign in, the new one can', async () => {
  const { address, device, key, list } = await registered('eve@a.test')
  const added = newDevice(now())
  const next = makeDeviceList({
    address,
    devices: [added.listed],
    userSecretKey: key.secretKey,
    previous: list,
  })
  const published = await callUnary(second.client.publishDeviceList, { address, deviceList: next })
  expect(published.identity?.deviceListVersion).toBe(2)
  const again = await callUnary(first.client.publishDeviceList, { address, deviceList: next })
  expect(again).toEqual(published)

  const old = await signedChallenge(first.client, address, device)
  await expect(callUnary(first.client.openSession, old)).rejects.toEqual(refusal('DEVICE_REVOKED'))
  const fresh = await signedChallenge(first.client, address, added)
  await expect(callUnary(first.client.openSession, fresh)).resolves.toMatchObject({})

  const branch = makeDeviceList({
    address,
    devices: [newDevice(now()).listed],
    userSecretKey: key.secretKey,
    previous: list,
  })
  await expect(
    callUnary(first.client.publishDeviceList, { address, deviceList: branch }),
  ).rejects.toEqual(refusal('CONFLICT'))
})
