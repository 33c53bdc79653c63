import type { Device, DeviceList } from '@mailx/proto/keys/v1/keys'
import { signStatement } from '@mailx/statement/statement'
import { expect, test } from 'vitest'
import {
  deviceListBytes,
  deviceListHash,
  deviceListStatement,
  makeDeviceList,
  verifyDeviceList,
} from './device-list.ts'
import { sampleDevice, sampleDomain, seedOf } from './testing/sample-domain.ts'

const NOW = Date.UTC(2026, 0, 10)
const [alice, bob] = sampleDomain('a.example', ['alice', 'bob'], NOW).users
if (!alice || !bob) throw new Error('the sample has two users')

const refusedWith = (code: string) => expect.objectContaining({ name: 'MailxError', code })
const userSecretKey = alice.userKey.secretKey
const { address } = alice
const device = (name: string): Device => sampleDevice(address, name, NOW).device

/** Signed by the user key, whatever it says. */
const signed = (change: Partial<DeviceList>): DeviceList => {
  const list = { ...alice.deviceList, ...change }
  const userSignature = signStatement('device-list', deviceListStatement(list), userSecretKey)
  return { ...list, userSignature }
}

const verify = (list: DeviceList, previous?: DeviceList) =>
  verifyDeviceList(list, alice.userKey.publicKey, previous)

test('a first list and its successors verify', () => {
  const first = makeDeviceList({ address, devices: [device('laptop')], userSecretKey })
  const devices = [device('laptop'), device('tablet')]
  const second = makeDeviceList({ address, devices, userSecretKey, previous: first })
  expect(first).toMatchObject({ version: 1, previousHash: new Uint8Array(32) })
  expect(second).toMatchObject({ version: 2, previousHash: deviceListHash(first) })
  expect(() => verify(first)).not.toThrow()
  expect(() => verify(second)).not.toThrow()
  expect(() => verify(second, first)).not.toThrow()
})

test('a list that skips, repeats or forks does not follow', () => {
  const first = alice.deviceList
  const second = makeDeviceList({
    address,
    devices: [device('tablet')],
    userSecretKey,
    previous: first,
  })
  const third = makeDeviceList({
    address,
    devices: [device('phone')],
    userSecretKey,
    previous: second,
  })
  expect(() => verify(third, first)).toThrow(refusedWith('CONFLICT'))
  expect(() => verify(second, second)).toThrow(refusedWith('CONFLICT'))
  expect(() => verify(first, second)).toThrow(refusedWith('CONFLICT'))
  const fork = signed({ version: 2, previousHash: seedOf('another list') })
  expect(() => verify(fork, first)).toThrow(refusedWith('CONFLICT'))
})

test('only the user key can sign it', () => {
  const forged = makeDeviceList({
    address,
    devices: [device('laptop')],
    userSecretKey: bob.userKey.secretKey,
  })
  expect(() => verify(forged)).toThrow(refusedWith('BAD_SIGNATURE'))
  const short = { ...alice.deviceList, userSignature: new Uint8Array(63) }
  expect(() => verify(short)).toThrow(refusedWith('BAD_SIGNATURE'))
})

test('a server that adds, drops, reorders or changes a device is caught', () => {
  const { devices } = alice.deviceList
  const [first, ...rest] = devices
  if (!first) throw new Error('the sample has devices')
  const changes: Partial<DeviceList>[] = [
    { devices: [...devices, device('wiretap')] },
    { devices: rest },
    { devices: devices.toReversed() },
    { devices: [{ ...first, name: 'other' }, ...rest] },
    { devices: [{ ...first, addedAtUnixMs: first.addedAtUnixMs + 1n }, ...rest] },
    { devices: [{ ...first, encryptionKey: device('wiretap').encryptionKey }, ...rest] },
    { devices: devices.map((entry) => ({ ...entry, mailbox: false })) },
    { version: 2, previousHash: seedOf('x') },
    { address: bob.address },
  ]
  for (const change of changes) {
    expect(() => verify({ ...alice.deviceList, ...change })).toThrow(refusedWith('BAD_SIGNATURE'))
  }
})

const one = device('laptop')
const two = device('phone')
const many = Array.from({ length: 17 }, (_, index) => device(`device ${index}`))

test.each<[string, Partial<DeviceList>]>([
  ['an address with a tag', { address: 'alice+x@a.example' }],
  ['an address in capitals', { address: 'Alice@a.example' }],
  ['version 0', { version: 0 }],
  ['a version beyond 32 bits', { version: 2 ** 32 }],
  ['a fractional version', { version: 1.5 }],
  ['a predecessor of version 1', { previousHash: seedOf('x') }],
  ['a short previous hash', { version: 2, previousHash: new Uint8Array(31) }],
  ['no device', { devices: [] }],
  ['seventeen devices', { devices: many }],
  ['one device twice', { devices: [one, one] }],
  ['two devices with one id', { devices: [one, { ...two, id: one.id }] }],
  ['two devices with one signing key', { devices: [one, { ...two, signingKey: one.signingKey }] }],
  [
    'two devices with one encryption key',
    { devices: [one, { ...two, encryptionKey: one.encryptionKey }] },
  ],
  ['two mailbox devices', { devices: [one, two].map((entry) => ({ ...entry, mailbox: true })) }],
  ['a short device id', { devices: [{ ...one, id: one.id.subarray(1) }] }],
  ['a device without a name', { devices: [{ ...one, name: '' }] }],
  ['a device with a long name', { devices: [{ ...one, name: 'x'.repeat(65) }] }],
  ['a device whose name breaks the line', { devices: [{ ...one, name: 'a\nb' }] }],
  ['a device whose name turns the text', { devices: [{ ...one, name: 'a\u202eb' }] }],
])('%s is refused, signed or not', (_what, change) => {
  const list = { ...alice.deviceList, ...change }
  expect(() => verify(list)).toThrow(refusedWith('INVALID_ARGUMENT'))
  // What has no statement cannot be signed either.
  const signedList = Number.isInteger(list.version) ? signed(change) : list
  expect(() => verify(signedList)).toThrow(refusedWith('INVALID_ARGUMENT'))
})

test.each<[string, Device]>([
  ['a signing key of small order', { ...one, signingKey: new Uint8Array(32) }],
  ['an encryption key of low order', { ...one, encryptionKey: new Uint8Array(32) }],
  ['a short signing key', { ...one, signingKey: one.signingKey.subarray(1) }],
  ['a long encryption key', { ...one, encryptionKey: new Uint8Array(33).fill(9) }],
])('%s is refused when it is listed', (_what, bad) => {
  expect(() => verify(signed({ devices: [bad] }))).toThrow(refusedWith('BAD_KEY'))
  expect(() => makeDeviceList({ address, devices: [bad], userSecretKey })).toThrow(
    refusedWith('BAD_KEY'),
  )
})

test('a time that a statement cannot hold exactly is refused', () => {
  for (const addedAtUnixMs of [2n ** 53n, -1n]) {
    const devices = [{ ...one, addedAtUnixMs }]
    expect(() => verify({ ...alice.deviceList, devices })).toThrow(refusedWith('INVALID_ARGUMENT'))
  }
})

test('the hash covers every field', () => {
  const { deviceList } = alice
  const hashes = [
    deviceList,
    { ...deviceList, address: bob.address },
    { ...deviceList, version: 2 },
    { ...deviceList, previousHash: seedOf('x') },
    { ...deviceList, devices: deviceList.devices.slice(1) },
  ].map((list) => deviceListHash(list).join())
  expect(new Set(hashes).size).toBe(hashes.length)
  expect(new TextDecoder().decode(deviceListBytes(deviceList).subarray(0, 21))).toBe(
    'mailx/v1/device-list\0',
  )
})
