import { type Account, createAccount } from '@mailx/client/account'
import { createKeyring } from '@mailx/client/keyring'
import { lookUpKeys } from '@mailx/client/look-up-keys'
import { listChanges, readMessages } from '@mailx/client/mailbox'
import { emptyCache } from '@mailx/client/mailbox-cache'
import { recover } from '@mailx/client/recover'
import { register } from '@mailx/client/register'
import { type Draft, sealDraft } from '@mailx/client/send'
import { withSession } from '@mailx/client/session'
import { syncMailbox } from '@mailx/client/sync-mailbox'
import { randomBytes } from '@mailx/crypto/random'
import { formatId } from '@mailx/crypto/uuid'
import type { Stack } from '@mailx/dev-tool/stack'
import { type MadeDomain, makeDomain } from '@mailx/federation/testing/made-domain'
import { type WellKnownServer, wellKnownServer } from '@mailx/federation/testing/well-known-server'
import { Envelope } from '@mailx/proto/envelope/v1/envelope'
import { eventually } from '@mailx/testing/eventually'
import type { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { countEvents, databaseOf, deploymentOf, flipped, type Part, tamper } from './database.ts'
import { person, receive, send, settled, testStack, visitor } from './people.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let stack: Stack
let alice: Account
let bob: Account
let atA: Pool
let atB: Pool

beforeAll(async () => {
  stack = await testStack('bad-input', { a: ['a.test'], b: ['b.test'] })
  atA = databaseOf(deploymentOf(stack, 'a'))
  atB = databaseOf(deploymentOf(stack, 'b'))
  alice = await person(stack, 'alice@a.test')
  bob = await person(stack, 'bob@b.test')
})

afterAll(async () => {
  for (const { transport } of [alice, bob]) transport.close()
  await Promise.all([atA.end(), atB.end()])
  await stack.stop()
})

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('refused, with nothing submitted:', () => {
  let before: number
  beforeEach(async () => {
    before = await countEvents(atA, 'submission')
  })
  afterEach(async () => {
    expect(await countEvents(atA, 'submission')).toBe(before)
  })

  const sending = (draft: Partial<Draft>, from: Account = alice) =>
    send(from, { to: ['bob@b.test'], subject: 'Hello', body: 'there', ...draft })

  test.each([
    ['somebody unknown at the own domain', 'nobody@a.test', 'NOT_FOUND', /nobody@a\.test/],
    ['somebody unknown elsewhere', 'nobody@b.test', 'NOT_FOUND', /nobody@b\.test/],
    ['an unknown domain', 'bob@nowhere.test', 'DOMAIN_NOT_FOUND', /nowhere\.test.*spelling/],
    ['no address at all', 'bob at b.test', 'INVALID_ADDRESS', /bob at b\.test/],
  ])('a message to %s', async (_who, recipient, code, message) => {
    await expect(sending({ to: [recipient] })).rejects.toEqual(refusal(code, message))
  })

  test.each([
    ['without a MailX record', 'plain.test', undefined, 'NO_MAILX_RECORD'],
    ['with a malformed record', 'odd.test', 'v=mailx1;k=abc;e=https://m:1', 'BAD_MAILX_RECORD'],
  ])('a message to a domain %s', async (_what, domain, record, code) => {
    stack.dns.add({ name: domain, type: 'A', data: '127.0.0.1' })
    if (record) stack.dns.add({ name: `_mailx.${domain}`, type: 'TXT', data: [record] })
    const refused = refusal(code, new RegExp(domain))
    await expect(sending({ to: [`bob@${domain}`] })).rejects.toEqual(refused)
  })

  test('more recipients than a message may have', async () => {
    const to = Array.from({ length: 101 }, (_, index) => `u${index}@b.test`)
    const refused = refusal('TOO_MANY_RECIPIENTS', /the limit is 100; send to fewer/)
    await expect(sending({ to, keepCopy: false })).rejects.toEqual(refused)
  })

  test('a body over a mebibyte', async () => {
    const body = randomBytes(600_000).reduce((text, byte) => text + byte.toString(16), '')
    await expect(sending({ body })).rejects.toEqual(refusal('TOO_LARGE', /limit/))
  })

  const clocks: readonly [string, number, string, RegExp][] = [
    ['six minutes slow', -6 * 60_000, 'EXPIRED', /seal it again/],
    ['six minutes fast', 6 * 60_000, 'FROM_THE_FUTURE', /set the clock/],
  ]
  test.each(clocks)('a message of a client whose clock is %s', async (_how, ms, code, message) => {
    await lookUpKeys(alice, ['alice@a.test', 'bob@b.test'])
    const astray = { ...alice, now: () => Date.now() + ms }
    await expect(sending({}, astray)).rejects.toEqual(refusal(code, message))
  })

  test('a message under the session of another domain, and under none', async () => {
    const { submission } = await sealDraft(alice, { to: ['bob@b.test'], subject: '', body: '' })
    const { token } = await withSession(bob)
    for (const call of [{ ...(token && { token }) }, {}]) {
      const refused = refusal('UNAUTHENTICATED', /session|token/)
      await expect(alice.transport.submit(submission, call)).rejects.toEqual(refused)
    }
  })

  test('an address that is taken', async () => {
    const refused = refusal('ALREADY_EXISTS', /./)
    await expect(person(stack, 'alice@a.test')).rejects.toEqual(refused)
  })

  test('a look at the mailbox of somebody who has not registered', async () => {
    const mallory = await visitor(stack, 'mallory@a.test')
    const looking = listChanges(mallory, new Uint8Array())
    await expect(looking).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
    mallory.transport.close()
  })
})

describe('a domain gets no mail and no user when its well-known document', () => {
  let server: WellKnownServer
  afterEach(() => server.stop())

  const rewritten = ({ document }: MadeDomain, change: object) =>
    new TextEncoder().encode(JSON.stringify({ ...document, ...change }))
  const documents: readonly [string, (made: MadeDomain) => Uint8Array | Promise<Uint8Array>][] = [
    ['was changed after it was signed', (made) => rewritten(made, { serial: 2 })],
    [
      'is signed by another key than DNS names',
      async ({ domain }) => (await makeDomain(domain)).documentBytes,
    ],
    ['is noise', () => randomBytes(500)],
  ]
  test.each(documents)('%s', async (what, change) => {
    const domain = `${what.replaceAll(' ', '-').toLowerCase()}.test`
    const host = `mailx.${domain}`
    const { domainKey, leaf } = await makeDomain(domain)
    server = await wellKnownServer(await leaf())
    const made = await makeDomain(domain, { domainKey, http: { host, port: server.port } })
    server.serve(await change(made))
    stack.dns.add({ name: `_mailx.${domain}`, type: 'TXT', data: [made.txt] })
    for (const name of [domain, host]) stack.dns.add({ name, type: 'A', data: '127.0.0.1' })

    const refused = { code: 'BAD_DOMAIN_DOCUMENT' }
    await expect(lookUpKeys(alice, [`bob@${domain}`])).rejects.toMatchObject(refused)
    await expect(visitor(stack, `eve@${domain}`)).rejects.toMatchObject(refused)
    expect(server.hosts.length).toBeGreaterThan(0)
  })
})

describe('a message is not shown to its reader', () => {
  const mailbox = 'bob@b.test'
  const changed = (change: (envelope: Envelope) => Partial<Envelope>) => (bytes: Uint8Array) => {
    const envelope = Envelope.decode(bytes)
    return Envelope.encode({ ...envelope, ...change(envelope) }).finish()
  }
  const cases: readonly [string, Part, (bytes: Uint8Array) => Uint8Array, string][] = [
    ['whose content was changed', 'content', flipped, 'BAD_CONTENT'],
    ['whose content was cut', 'content', (bytes) => bytes.slice(0, -64), 'BAD_CONTENT'],
    ['whose envelope is noise', 'envelope', (bytes) => randomBytes(bytes.length), 'BAD_ENVELOPE'],
    [
      'whose date was changed',
      'envelope',
      changed(({ createdAtUnixMs }) => ({ createdAtUnixMs: createdAtUnixMs + 1n })),
      'BAD_SIGNATURE',
    ],
    [
      'whose recipient was changed',
      'envelope',
      changed(() => ({ recipient: 'carol@b.test' })),
      'BAD_ENVELOPE',
    ],
    [
      'whose key packets were changed',
      'envelope',
      changed(({ keyPackets }) => ({
        keyPackets: keyPackets.map((packet) => ({ ...packet, box: flipped(packet.box) })),
      })),
      'BAD_SIGNATURE',
    ],
    ['that lost its key packets', 'envelope', changed(() => ({ keyPackets: [] })), 'BAD_ENVELOPE'],
    [
      'that names another sender',
      'envelope',
      changed(() => ({ sender: 'bob@b.test' })),
      'DEVICE_REVOKED',
    ],
  ]

  test.each(cases)('%s by who runs the server', async (_what, part, change, code) => {
    const id = await send(alice, { to: [mailbox], subject: 'Secret', body: 'plan' })
    await receive(bob, id)
    const restore = await tamper(atB, { mailbox, id }, part, change)
    const [message] = await readMessages(bob, [id])
    if (message === undefined || !('refused' in message)) throw new Error('it was shown')
    expect(message.refused).toMatchObject({ code })
    expect(JSON.stringify(message)).not.toMatch(/Secret|plan/)
    await restore()
    expect((await receive(bob, id)).payload.body).toBe('plan')
  })

  test('that the server gives out under the id of another one', async () => {
    const ids = [
      await send(alice, { to: [mailbox], subject: 'One', body: '' }),
      await send(alice, { to: [mailbox], subject: 'Two', body: '' }),
    ] as const
    for (const id of ids) await receive(bob, id)
    await atB.query(
      `update storage.entries_received e set content_hash = o.content_hash, envelope_hash = o.envelope_hash
         from storage.entries_received o
         where e.mailbox = $1 and o.mailbox = $1 and e.message_id = $2 and o.message_id = $3`,
      [mailbox, ...ids.map((id) => Buffer.from(id))],
    )
    const [message] = await readMessages(bob, [ids[0]])
    expect(message).toMatchObject({ refused: { code: 'BAD_ENVELOPE' } })
  })

  test('whose sender cannot be looked up, until that is possible', async () => {
    const frank = await person(stack, 'frank@a.test')
    const rename = (from: string, to: string) =>
      atA.query('update directory.users set address = $2 where address = $1', [from, to])
    const id = await send(frank, { to: [mailbox], subject: 'Hello', body: '' })
    await settled(frank, id, { [mailbox]: 'delivered' })
    await rename('frank@a.test', 'hidden@a.test')
    const cache = await syncMailbox(bob, emptyCache)
    expect(cache.messages[formatId(id)]).toMatchObject({ refused: 'NOT_FOUND', subject: '' })
    await rename('hidden@a.test', 'frank@a.test')
    const later = await syncMailbox(bob, cache)
    expect(later.messages[formatId(id)]).toMatchObject({ from: 'frank@a.test', subject: 'Hello' })
    frank.transport.close()
  })

  test('that a device has signed which its owner has struck off since', async () => {
    const recovery = randomBytes(16)
    const deviceNamed = async (deviceName: string) => {
      const { transport } = await visitor(stack, 'grace@a.test')
      const address = 'grace@a.test'
      const keys = { address, deviceName, recovery, now: Date.now(), random: randomBytes }
      const keyring = createKeyring(keys)
      return createAccount({ keyring, transport, now: Date.now, random: randomBytes })
    }
    const lost = await deviceNamed('lost')
    await register(lost)
    const id = await send(lost, { to: [mailbox], subject: 'Secret', body: 'plan' })
    await settled(lost, id, { [mailbox]: 'delivered' })
    const found = await deviceNamed('found')
    await recover(found, { revokeOthers: true })
    await eventually(async () => {
      const [keys] = await lookUpKeys(found, ['grace@a.test'], { fresh: true })
      expect(keys?.deviceListVersion).toBe(2)
    })

    const [message] = await readMessages(bob, [id])
    expect(message).toMatchObject({ refused: { code: 'DEVICE_REVOKED' } })
    expect(JSON.stringify(message)).not.toMatch(/Secret|plan/)
    for (const { transport } of [lost, found]) transport.close()
  })
})
