import { setTimeout as delay } from 'node:timers/promises'
import type { Account } from '@mailx/client/account'
import { withSession } from '@mailx/client/session'
import { randomBytes } from '@mailx/crypto/random'
import type { Stack } from '@mailx/dev-tool/stack'
import { openSessionToken } from '@mailx/statement/session-token'
import { type SecretFolder, secretFolder } from '@mailx/testing/secret-folder'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { person, receive, send, testStack } from './people.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 240_000 })

// Seven processes that have BUS_KEY and SESSION_KEY from files, as pods have them from a Secret. None of
// them is restarted.
const bus = ['old', 'new', 'newest'].map(() => randomBytes(32))
const session = bus.map(() => randomBytes(32))
const written = (keys: readonly Uint8Array[]) =>
  keys.map((key) => `${Buffer.from(key).toString('base64')}\n`).join('')

let secrets: SecretFolder
let stack: Stack
let alice: Account
let dave: Account

/** Which of the keys are in the files, by number, and until every process has looked at them. */
async function put(...which: number[]): Promise<void> {
  const picked = (keys: readonly Uint8Array[]) => which.map((n) => keys[n] as Uint8Array)
  await secrets.put({ bus: written(picked(bus)), session: written(picked(session)) })
  await delay(2_000)
}

beforeAll(async () => {
  secrets = await secretFolder()
  await put(0)
  stack = await testStack(
    'changed-keys',
    { a: ['a.test'] },
    {
      separate: true,
      tracing: false,
      readyWithinMs: 200_000,
      env: {
        BUS_KEY: '',
        BUS_KEY_FILE: secrets.path('bus'),
        SESSION_KEY: '',
        SESSION_KEY_FILE: secrets.path('session'),
      },
    },
  )
  alice = await person(stack, 'alice@a.test')
  dave = await person(stack, 'dave@a.test')
})

afterAll(async () => {
  for (const account of [alice, dave]) account?.transport.close()
  await stack?.stop()
  await secrets.remove()
})

/** Sends without a pause until stopped, which rejects if a message was refused; then all have arrived. */
function traffic(): () => Promise<number> {
  const sent: Uint8Array[] = []
  const stopping = new AbortController()
  const sending = (async () => {
    while (!stopping.signal.aborted) {
      sent.push(await send(alice, { to: ['dave@a.test'], subject: '', body: 'on' }))
    }
  })()
  return async () => {
    stopping.abort()
    await sending
    await Promise.all(sent.map((id) => receive(dave, id)))
    return sent.length
  }
}

/** What was dropped, because it had been said under another key. */
async function dropped(): Promise<number> {
  const processes = stack.deployments.flatMap((deployment) => deployment.processes)
  const pages = await Promise.all(
    processes.map(async ({ opsPort }) =>
      (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text(),
    ),
  )
  const counted = pages
    .join('\n')
    .matchAll(
      /^(?:mailx_bus_refused_batches_total|mailx_gateway_forged_announcements_total)\S* (\d+)/gm,
    )
  return [...counted].reduce((sum, [, value]) => sum + Number(value), 0)
}

const usage = ({ transport }: Account, token: Uint8Array) => transport.getUsage({}, { token })
const tokenOf = async (account: Account) => (await withSession(account)).token ?? new Uint8Array()

test('both keys are changed in three steps under traffic: nothing is lost, dropped or refused', async () => {
  const before = await tokenOf(alice)
  const stop = traffic()
  await delay(1_000)
  // Everybody knows the new keys, then everybody uses them.
  await put(0, 1)
  await put(1, 0)
  dave.session = undefined
  const after = await tokenOf(dave)
  expect(openSessionToken(after, [session[1] as Uint8Array], Date.now()).address).toBe(
    'dave@a.test',
  )
  await usage(alice, before)
  expect(await stop()).toBeGreaterThan(10)
  expect(await tokenOf(alice)).toEqual(before)

  await put(1)
  await expect(usage(alice, before)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  await usage(dave, after)
  await receive(dave, await send(alice, { to: ['dave@a.test'], subject: '', body: 'new' }))
  expect(await dropped()).toBe(0)
})

test('keys that somebody else knows are changed at once: sessions end, no message is lost', async () => {
  const before = await tokenOf(dave)
  const stop = traffic()
  await delay(1_000)
  await put(2)
  expect(await stop()).toBeGreaterThan(10)
  await expect(usage(dave, before)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
})
