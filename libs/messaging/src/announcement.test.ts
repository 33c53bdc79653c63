import { expect, test } from 'vitest'
import { openAnnouncement, sealAnnouncement } from './announcement.ts'

const key = new Uint8Array(32).fill(1)
const message = Uint8Array.of(1, 2, 3)
const sealed = sealAnnouncement(key, 'mailboxes.changed', message)

test('an announcement comes out as it went in', () => {
  expect(openAnnouncement(key, 'mailboxes.changed', sealed)).toEqual(message)
})

test('an announcement of another subject, of another key, or changed on the way is none', () => {
  const changed = Uint8Array.from(sealed)
  changed[sealed.length - 1] = 9
  expect(openAnnouncement(key, 'peers.contacted', sealed)).toBeUndefined()
  expect(openAnnouncement(new Uint8Array(32), 'mailboxes.changed', sealed)).toBeUndefined()
  expect(openAnnouncement(key, 'mailboxes.changed', changed)).toBeUndefined()
  expect(openAnnouncement(key, 'mailboxes.changed', sealed.subarray(0, 20))).toBeUndefined()
})
