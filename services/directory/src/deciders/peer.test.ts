import { toBase64, utf8 } from '@mailx/crypto/encoding'
import type { DirectoryEvent } from '@mailx/events/directory'
import { describe, expect, test } from 'vitest'
import { type Offer, type PeerCommand, peer } from './peer.ts'

const domain = 'b.test'
const at = 1000
const key = (fill: number) => new Uint8Array(32).fill(fill)
const documentOf = (keys: object[] = []) => utf8(JSON.stringify({ keys }))

const offer = (change: Partial<Offer> = {}): Offer => ({
  publicKey: key(1),
  document: documentOf(),
  serial: 5,
  source: 'dns',
  dnssec: 'insecure',
  announcedKeys: [key(1)],
  ...change,
})
const record = (change: Partial<Offer> = {}): PeerCommand => ({
  type: 'RecordDiscovery',
  domain,
  offer: offer(change),
  at,
})
const pin = (publicKey: Uint8Array): PeerCommand => ({
  type: 'PinPeer',
  domain,
  publicKey,
  actor: 'operator',
})

const decideAfter = (history: readonly DirectoryEvent[], command: PeerCommand) =>
  peer.decide(command, history.reduce(peer.evolve, peer.initialState))

/** The events that a row of commands leads to. */
const after = (...commands: PeerCommand[]) =>
  commands.reduce<DirectoryEvent[]>(
    (history, command) => [...history, ...decideAfter(history, command)],
    [],
  )
const types = (events: readonly DirectoryEvent[]) => events.map(({ type }) => type)

test('the first key that is found is taken', () => {
  expect(decideAfter([], record())).toEqual([
    {
      type: 'PeerDiscovered',
      data: {
        domain,
        publicKey: key(1),
        document: documentOf(),
        serial: 5n,
        source: 'dns',
        dnssec: 'insecure',
        discoveredAtUnixMs: 1000n,
      },
    },
  ])
})

test('the same document again changes nothing', () => {
  expect(decideAfter(after(record()), record())).toEqual([])
})

test('a newer document of the same key is recorded, an older one refused', () => {
  expect(types(decideAfter(after(record()), record({ serial: 6 })))).toEqual(['PeerDiscovered'])
  expect(() => decideAfter(after(record()), record({ serial: 4 }))).toThrow(
    expect.objectContaining({ code: 'BAD_DOMAIN_DOCUMENT' }),
  )
})

describe('another key', () => {
  const other = { publicKey: key(2), announcedKeys: [key(2)] }

  test('is quarantined, once, and not taken', () => {
    const history = after(record(), record(other))
    expect(history[1]).toEqual({
      type: 'PeerQuarantined',
      data: { domain, knownKey: key(1), offeredKey: key(2), seenAtUnixMs: 1000n },
    })
    expect(decideAfter(history, record(other))).toEqual([])
    expect(decideAfter(history, record({ serial: 6 }))).toHaveLength(1)
  })

  test('is quarantined too when an unsigned record names both: who forges one can forge two', () => {
    const both = { publicKey: key(2), announcedKeys: [key(1), key(2)] }
    expect(types(decideAfter(after(record()), record(both)))).toEqual(['PeerQuarantined'])
  })

  test('is taken when a DNSSEC-signed record names both', () => {
    const both = { publicKey: key(2), announcedKeys: [key(1), key(2)], dnssec: 'secure' } as const
    expect(types(decideAfter(after(record()), record(both)))).toEqual(['PeerDiscovered'])
    const alone = { ...other, dnssec: 'secure' } as const
    expect(types(decideAfter(after(record()), record(alone)))).toEqual(['PeerQuarantined'])
  })

  test('is taken when the key we hold has certified it', () => {
    const certifying = documentOf([{ use: 'domain', publicKey: toBase64(key(2)) }])
    const history = after(record({ document: certifying }))
    expect(types(decideAfter(history, record(other)))).toEqual(['PeerDiscovered'])
    const otherUse = documentOf([{ use: 'attest', publicKey: toBase64(key(2)) }])
    const wrongUse = after(record({ document: otherUse }))
    expect(types(decideAfter(wrongUse, record(other)))).toEqual(['PeerQuarantined'])
  })

  test('is not vouched for by a document that the new key signed itself', () => {
    const vouching = documentOf([{ use: 'domain', publicKey: toBase64(key(2)) }])
    const self = { ...other, document: vouching }
    expect(types(decideAfter(after(record()), record(self)))).toEqual(['PeerQuarantined'])
  })

  test('is taken from the operator’s static file', () => {
    const fromFile = { ...other, source: 'static' } as const
    expect(types(decideAfter(after(record()), record(fromFile)))).toEqual(['PeerDiscovered'])
  })

  test('may have a serial of its own', () => {
    const certifying = documentOf([{ use: 'domain', publicKey: toBase64(key(2)) }])
    const history = after(record({ document: certifying }))
    expect(decideAfter(history, record({ ...other, serial: 1 }))).toHaveLength(1)
  })
})

describe('a pin', () => {
  test('settles a quarantine: the pinned key is taken, the old one is not any more', () => {
    const other = { publicKey: key(2), announcedKeys: [key(2)], source: 'pin' } as const
    const history = after(record(), record(other), pin(key(2)), record(other))
    expect(types(history)).toEqual([
      'PeerDiscovered',
      'PeerQuarantined',
      'PeerPinned',
      'PeerDiscovered',
    ])
    expect(types(decideAfter(history, record()))).toEqual(['PeerQuarantined'])
  })

  test('of the same key again changes nothing', () => {
    expect(decideAfter(after(pin(key(1))), pin(key(1)))).toEqual([])
  })

  test('wins over DNSSEC and the static file', () => {
    const history = after(pin(key(1)))
    for (const change of [{ dnssec: 'secure' }, { source: 'static' }] as const) {
      const other = { publicKey: key(2), announcedKeys: [key(1), key(2)], ...change }
      expect(types(decideAfter(history, record(other)))).toEqual(['PeerQuarantined'])
    }
  })
})
