import { encryptionKeyPair } from '@mailx/crypto/agreement'
import { signingKeyPair } from '@mailx/crypto/sign'
import type { UserEvent } from '@mailx/events/identity'
import { signAttestation } from '@mailx/keys/attestation'
import { deviceListHash, makeDeviceList } from '@mailx/keys/device-list'
import type { Device, DeviceList } from '@mailx/proto/keys/v1/keys'
import { signStatement } from '@mailx/statement/statement'
import { expect, test } from 'vitest'
import { checkSession } from './session.ts'
import { ATTESTATION_LIFETIME_MS, type UserCommand, user } from './user.ts'

const MINUTE_MS = 60 * 1000
const at = Date.parse('2026-03-01T00:00:00Z')
const address = 'alice@a.test'
const userKey = signingKeyPair(new Uint8Array(32).fill(1))
const attestKey = signingKeyPair(new Uint8Array(32).fill(2))
const refusedWith = (code: string) => expect.objectContaining({ code })

const deviceSigning = (n: number) => signingKeyPair(new Uint8Array(32).fill(100 + n))
const device = (n: number, change: Partial<Device> = {}): Device => ({
  id: new Uint8Array(16).fill(n),
  name: `device ${n}`,
  signingKey: deviceSigning(n).publicKey,
  encryptionKey: encryptionKeyPair(new Uint8Array(32).fill(50 + n)).publicKey,
  addedAtUnixMs: BigInt(at),
  mailbox: false,
  ...change,
})
const listOf = (devices: readonly Device[], previous?: DeviceList) =>
  makeDeviceList({
    address,
    devices,
    userSecretKey: userKey.secretKey,
    ...(previous && { previous }),
  })
const first = listOf([device(1), device(2)])

const attesting = {
  attest: (identity: Parameters<typeof signAttestation>[0]) =>
    signAttestation(identity, { kid: 'attest-1', secretKey: attestKey.secretKey }),
  openings: { identity: new Uint8Array(32).fill(3), deviceList: new Uint8Array(32).fill(4) },
  at,
}

type Registration = Extract<UserCommand, { type: 'RegisterUser' }>

function register(change: Partial<Registration> = {}): Registration {
  const plain = {
    address,
    publicKey: userKey.publicKey,
    deviceList: first,
    provedAt: at,
    ...change,
  }
  const record = {
    address: plain.address,
    publicKey: plain.publicKey,
    deviceListHash: deviceListHash(plain.deviceList),
    at: plain.provedAt,
  }
  const possession = signStatement('possession', record, userKey.secretKey)
  return { type: 'RegisterUser', possession, ...attesting, ...plain, ...change }
}

const publish = (deviceList: DeviceList): UserCommand => ({
  type: 'PublishDeviceList',
  deviceList,
  ...attesting,
})

const given = (history: readonly UserEvent[]) => history.reduce(user.evolve, user.initialState)
const after = (...commands: UserCommand[]): UserEvent[] =>
  commands.reduce<UserEvent[]>(
    (history, command) => [...history, ...user.decide(command, given(history))],
    [],
  )

test('a registered user is attested with the first device list', () => {
  const events = after(register())
  expect(events.map(({ type }) => type)).toEqual(['UserRegistered', 'DeviceListPublished'])
  expect(events[1]?.data.identity).toMatchObject({
    username: 'alice',
    domain: 'a.test',
    status: 'active',
    deviceListVersion: 1,
    deviceListHash: deviceListHash(first),
    expiresAtUnixMs: BigInt(at + ATTESTATION_LIFETIME_MS),
  })
})

test('the same registration again changes nothing', () => {
  const again = register({ provedAt: at + MINUTE_MS, at: at + MINUTE_MS })
  expect(user.decide(again, given(after(register())))).toEqual([])
})

test('the same registration changes nothing after a newer list either', () => {
  const history = after(register(), publish(listOf([device(1), device(3)], first)))
  expect(user.decide(register(), given(history))).toEqual([])
})

test('nobody else gets a taken address', () => {
  const thief = signingKeyPair(new Uint8Array(32).fill(66))
  const deviceList = makeDeviceList({
    address,
    devices: [device(9)],
    userSecretKey: thief.secretKey,
  })
  const record = {
    address,
    publicKey: thief.publicKey,
    deviceListHash: deviceListHash(deviceList),
    at,
  }
  const possession = signStatement('possession', record, thief.secretKey)
  const command = register({ publicKey: thief.publicKey, deviceList, possession })
  expect(() => user.decide(command, given(after(register())))).toThrow(
    refusedWith('ALREADY_EXISTS'),
  )
})

const smallOrder = Uint8Array.of(1, ...new Uint8Array(31))

test.each<[string, string, Partial<Registration>]>([
  ['an old proof', 'EXPIRED', { provedAt: at - 6 * MINUTE_MS }],
  ['a proof from the future', 'FROM_THE_FUTURE', { provedAt: at + 6 * MINUTE_MS }],
  ['a proof by another key', 'BAD_SIGNATURE', { possession: new Uint8Array(64) }],
  ['a small-order user key', 'BAD_KEY', { publicKey: smallOrder }],
  ['a short user key', 'BAD_KEY', { publicKey: userKey.publicKey.slice(1) }],
  ['an address with a tag', 'INVALID_ADDRESS', { address: 'alice+x@a.test' }],
  ['an address in capitals', 'INVALID_ADDRESS', { address: 'Alice@a.test' }],
  ['a list of another address', 'INVALID_ARGUMENT', { address: 'bob@a.test' }],
  ['a later version of the list', 'INVALID_ARGUMENT', { deviceList: listOf([device(1)], first) }],
  [
    'an unsigned list',
    'BAD_SIGNATURE',
    { deviceList: { ...first, userSignature: new Uint8Array(64) } },
  ],
  [
    'a device that signs with the user key',
    'BAD_KEY',
    { deviceList: listOf([device(1, { signingKey: userKey.publicKey })]) },
  ],
])('%s is refused with %s', (_, refusal, change) => {
  expect(() => user.decide(register(change), user.initialState)).toThrow(refusedWith(refusal))
})

test.each<[string, Partial<Device>]>([
  ['a small-order signing key', { signingKey: smallOrder }],
  ['a small-order encryption key', { encryptionKey: new Uint8Array(32) }],
])('a device with %s is refused', (_, change) => {
  const bad = { ...first, devices: [device(1, change)] }
  expect(() => user.decide(register({ deviceList: bad }), user.initialState)).toThrow(
    refusedWith('BAD_KEY'),
  )
})

test('a new list follows the last one and renews the attestation', () => {
  const next = listOf([device(1), device(3)], first)
  const events = user.decide(publish(next), given(after(register())))
  expect(events.map(({ type }) => type)).toEqual(['DeviceListPublished'])
  expect(events[0]?.data.identity).toMatchObject({ deviceListVersion: 2 })
})

test('the same new list again changes nothing', () => {
  const next = listOf([device(1)], first)
  expect(user.decide(publish(next), given(after(register(), publish(next))))).toEqual([])
})

test('a list that does not follow the published one is a conflict', () => {
  const branch = listOf([device(1)], listOf([device(7)]))
  const state = given(after(register(), publish(listOf([device(1), device(3)], first))))
  expect(() => user.decide(publish(branch), state)).toThrow(refusedWith('CONFLICT'))
})

test('a revoked device stays revoked, and so do its keys', () => {
  const second = listOf([device(1)], first)
  const state = given(after(register(), publish(second)))
  const back = listOf([device(1), device(2)], second)
  const sameKey = listOf([device(1), device(8, { signingKey: device(2).signingKey })], second)
  expect(() => user.decide(publish(back), state)).toThrow(refusedWith('DEVICE_REVOKED'))
  expect(() => user.decide(publish(sameKey), state)).toThrow(refusedWith('DEVICE_REVOKED'))
})

test('a listed device keeps its keys', () => {
  const changed = listOf([device(1, { signingKey: device(5).signingKey })], first)
  expect(() => user.decide(publish(changed), given(after(register())))).toThrow(
    refusedWith('BAD_KEY'),
  )
})

const renew = (when: number): UserCommand => ({
  type: 'RenewAttestation',
  ...attesting,
  at: when,
})

test('an attestation is renewed when it runs out, and not before', () => {
  const state = given(after(register()))
  expect(user.decide(renew(at + MINUTE_MS), state)).toEqual([])
  const [renewed] = user.decide(renew(at + ATTESTATION_LIFETIME_MS - MINUTE_MS), state)
  expect(renewed?.data).toMatchObject({ deviceList: first, identity: { deviceListVersion: 1 } })
})

const session = (n: number, signer = deviceSigning(n)) => {
  const record = {
    address,
    deviceId: new Uint8Array(16).fill(n),
    nonce: new Uint8Array(48),
    expiresAt: at,
  }
  return { ...record, signature: signStatement('session-challenge', record, signer.secretKey) }
}

test('a listed device signs in', () => {
  expect(() => checkSession(session(1), given(after(register())))).not.toThrow()
})

test.each([
  ['an unknown address', session(1), []],
  ['an unknown device', session(7), after(register())],
  ['another device’s signature', session(1, deviceSigning(2)), after(register())],
  [
    'a forger at a revoked device',
    session(2, deviceSigning(9)),
    after(register(), publish(listOf([device(1)], first))),
  ],
])('%s is UNAUTHENTICATED', (_, request, history) => {
  expect(() => checkSession(request, given(history))).toThrow(refusedWith('UNAUTHENTICATED'))
})

test('a revoked device learns that it is revoked', () => {
  const history = after(register(), publish(listOf([device(1)], first)))
  expect(() => checkSession(session(2), given(history))).toThrow(refusedWith('DEVICE_REVOKED'))
})
