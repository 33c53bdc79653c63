import type { Account } from '@mailx/client/account'
import { createAccount } from '@mailx/client/account'
import { createKeyring } from '@mailx/client/keyring'
import { lookUpKeys } from '@mailx/client/look-up-keys'
import { recover } from '@mailx/client/recover'
import { register } from '@mailx/client/register'
import { sealDraft, submitSealed } from '@mailx/client/send'
import { randomBytes } from '@mailx/crypto/random'
import type { Stack } from '@mailx/dev-tool/stack'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { patience, person, receive, send, settled, testStack, visitor } from './people.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let stack: Stack
let erin: Account
let frank: Account

beforeAll(async () => {
  stack = await testStack('one-deployment', { one: ['c.test', 'd.test'] })
  erin = await person(stack, 'erin@c.test')
  frank = await person(stack, 'frank@d.test')
})

afterAll(async () => {
  for (const { transport } of [erin, frank]) transport.close()
  await stack.stop()
})

test('one deployment hosts two domains that write to each other', async () => {
  const id = await send(erin, { to: ['frank@d.test'], subject: 'Hello', body: 'neighbour' })
  expect((await receive(frank, id)).payload.body).toBe('neighbour')
  await settled(erin, id, { 'frank@d.test': 'delivered' })
  const reply = await send(frank, { to: ['erin@c.test'], subject: 'Re: Hello', body: 'hi' })
  expect((await receive(erin, reply)).payload.subject).toBe('Re: Hello')
})

test('each domain has a key, a document and a key log of its own', async () => {
  const [first] = await lookUpKeys(erin, ['erin@c.test'])
  const [second] = await lookUpKeys(erin, ['frank@d.test'])
  expect(first?.document.domain).toBe('c.test')
  expect(second?.document.domain).toBe('d.test')
  expect(first?.document.publicKey).not.toBe(second?.document.publicKey)
})

test('a lost device is struck off with the recovery code, and the mail is still readable', async () => {
  const recovery = randomBytes(16)
  const keyringOf = (deviceName: string) =>
    createKeyring({
      address: 'grace@c.test',
      deviceName,
      recovery,
      now: Date.now(),
      random: randomBytes,
    })
  const before = await visitor(stack, 'grace@c.test')
  const lost = createAccount({ ...before, keyring: keyringOf('lost') })
  await register(lost)
  const id = await send(erin, { to: ['grace@c.test'], subject: 'Keep', body: 'this' })
  await receive(lost, id)

  const found = createAccount({ ...before, keyring: keyringOf('found') })
  await recover(found, { revokeOthers: true })
  expect((await receive(found, id)).payload.body).toBe('this')

  // The lost device is refused with its session, and with a new one.
  await eventually(async () => {
    const draft = await sealDraft(found, { to: ['erin@c.test'], subject: '', body: '' })
    await expect(submitSealed(lost, draft)).rejects.toMatchObject({ code: 'DEVICE_REVOKED' })
  }, patience)
  before.transport.close()
})
