import type { Keys } from '@mailx/crypto/current-keys'
import { expect, test } from 'vitest'
import { openAnnouncement, sealAnnouncement } from './announcement.ts'

const keys: Keys = [new Uint8Array(32).fill(1)]
const others: Keys = [new Uint8Array(32)]
const message = Uint8Array.of(1, 2, 3)
const sealed = sealAnnouncement(keys, 'mailboxes.changed', message)

test('an announcement comes out as it went in', () => {
  expect(openAnnouncement(keys, 'mailboxes.changed', sealed)).toEqual(message)
})

test('an announcement of another subject, of another key, or changed on the way is none', () => {
  const changed = Uint8Array.from(sealed)
  changed[sealed.length - 1] = 9
  expect(openAnnouncement(keys, 'peers.contacted', sealed)).toBeUndefined()
  expect(openAnnouncement(others, 'mailboxes.changed', sealed)).toBeUndefined()
  expect(openAnnouncement(keys, 'mailboxes.changed', changed)).toBeUndefined()
  expect(openAnnouncement(keys, 'mailboxes.changed', sealed.subarray(0, 20))).toBeUndefined()
})

test('while the key changes, an announcement under either is heard', () => {
  expect(openAnnouncement([others[0], keys[0]], 'mailboxes.changed', sealed)).toEqual(message)
  expect(openAnnouncement([keys[0], others[0]], 'mailboxes.changed', sealed)).toEqual(message)
})
