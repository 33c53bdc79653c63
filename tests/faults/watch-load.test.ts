import { expect, test } from 'vitest'
import { watchLoad } from './watch-load.ts'

// Users 0 and 1 are of a.test, 2 of b.test.
const domainOf = (user: number) => (user < 2 ? 'a.test' : 'b.test')
const id = new Uint8Array(16)

function watched() {
  let time = 0
  const watch = watchLoad(domainOf, () => time)
  const sent = (number: number, sender: number, recipient: number) =>
    watch.hear({ kind: 'sent', at: 0, number, id, sender, bytes: 1, recipients: [recipient] })
  return {
    watch,
    sent,
    at(next: number) {
      time = next
    },
    accepted: (number: number) => watch.hear({ kind: 'accepted', at: 0, number }),
    resent: (number: number) => watch.hear({ kind: 'resent', at: 0, number }),
    notified: (number: number, user: number) =>
      watch.hear({ kind: 'notified', at: 0, number, user }),
  }
}

const acceptedAt = (domain: string) => ({ kind: 'accepted', domain }) as const

test('a message that was under way when something broke is no proof that it works again', async () => {
  const { watch, sent, at, accepted } = watched()
  sent(0, 0, 1)
  at(10)
  accepted(0)
  expect(await watch.first(acceptedAt('a.test'), 5, 1)).toBeUndefined()
  at(20)
  sent(1, 0, 1)
  at(30)
  accepted(1)
  expect(await watch.first(acceptedAt('a.test'), 5, 1)).toBe(30)
  expect(watch.accepted()).toBe(2)
})

test('handed over again counts as handed over then', async () => {
  const { watch, sent, at, accepted, resent } = watched()
  sent(0, 2, 2)
  at(10)
  resent(0)
  at(12)
  accepted(0)
  expect(await watch.first(acceptedAt('b.test'), 5, 1)).toBe(12)
  expect(await watch.first(acceptedAt('a.test'), 5, 1)).toBeUndefined()
})

test('it waits for what has not happened yet, and tells from where a message came', async () => {
  const { watch, sent, at, notified } = watched()
  const crossed = { kind: 'notified', domain: 'b.test', from: 'elsewhere' } as const
  const waiting = watch.first(crossed, 0, 5_000)
  at(1)
  sent(0, 2, 2)
  sent(1, 0, 2)
  at(2)
  notified(0, 2)
  at(3)
  notified(1, 2)
  expect(await waiting).toBe(3)
})
