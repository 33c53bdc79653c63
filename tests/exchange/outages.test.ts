import { readFile } from 'node:fs/promises'
import type { Backend } from '@mailx/backends/backend'
import { type NatsBackend, startNats } from '@mailx/backends/start-nats'
import { startPostgres } from '@mailx/backends/start-postgres'
import { startRedis } from '@mailx/backends/start-redis'
import type { Account } from '@mailx/client/account'
import { listChanges } from '@mailx/client/mailbox'
import { type SealedDraft, sealDraft, submitSealed } from '@mailx/client/send'
import { formatId } from '@mailx/crypto/uuid'
import type { RunningDeployment } from '@mailx/dev-tool/run-deployment'
import type { Stack } from '@mailx/dev-tool/stack'
import { MailxError } from '@mailx/errors/mailx-error'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { countEvents, databaseOf, deploymentOf } from './database.ts'
import {
  ownBackends,
  patience,
  person,
  receive,
  send,
  settled,
  sharedServers,
  testStack,
} from './people.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let postgres: Backend
let nats: NatsBackend
let redis: Backend
let stack: Stack
let here: RunningDeployment
let alice: Account
let dave: Account
let bob: Account

// Domain a.test has servers of its own, which these tests take away; b.test stands on the shared ones.
beforeAll(async () => {
  const own = { own: true, say: () => {} }
  ;[postgres, nats, redis] = await Promise.all([
    startPostgres(own),
    startNats(own),
    startRedis(own),
  ])
  const ownServers = await ownBackends({ postgres, nats, redis })
  stack = await testStack(
    'outages',
    { a: ['a.test'], b: ['b.test'] },
    { backendsOf: async (name) => (name === 'a' ? ownServers : sharedServers()) },
  )
  here = deploymentOf(stack, 'a')
  alice = await person(stack, 'alice@a.test')
  dave = await person(stack, 'dave@a.test')
  bob = await person(stack, 'bob@b.test')
})

afterAll(async () => {
  for (const { transport } of [alice, dave, bob]) transport.close()
  await stack.stop()
  await Promise.all([postgres.stop(), nats.stop(), redis.stop()])
})

type Check = { readonly name: string; readonly ok: boolean }
type Health = { readonly status: number; readonly failing: readonly string[] }

/** What the deployment says of itself, and which of its checks fail. */
async function health(path: '/livez' | '/readyz' = '/readyz'): Promise<Health> {
  const response = await fetch(`http://127.0.0.1:${here.deployment.ports.ops}${path}`)
  const text = await response.text()
  const checks = path === '/readyz' ? (JSON.parse(text) as { checks: Check[] }).checks : []
  const failing = checks.filter(({ ok }) => !ok).map(({ name }) => name)
  return { status: response.status, failing }
}

const becomes = (wanted: Health) =>
  eventually(async () => expect(await health()).toMatchObject(wanted), patience)

/** A message inside the domain, one that leaves and one that comes in: all arrive and are told so. */
async function mailFlows(): Promise<void> {
  const out = { to: ['dave@a.test', 'bob@b.test'], subject: 'Out', body: '' }
  const sent = await send(alice, out)
  for (const reader of [dave, bob]) await receive(reader, sent)
  await settled(alice, sent, { 'dave@a.test': 'delivered', 'bob@b.test': 'delivered' })
  await receive(alice, await send(bob, { to: ['alice@a.test'], subject: 'In', body: '' }))
}

test('without Redis the deployment is ready and mail flows, also to people not looked up before', async () => {
  await redis.kill()
  await becomes({ status: 200, failing: ['redis'] })
  await mailFlows()
  const erin = await person(stack, 'erin@a.test')
  const id = await send(erin, { to: ['bob@b.test'], subject: 'New', body: '' })
  expect((await receive(bob, id)).payload.from).toBe('erin@a.test')
  erin.transport.close()
  await redis.restart()
  await becomes({ status: 200, failing: [] })
})

test('without NATS the deployment says so, and mail flows by way of Postgres', async () => {
  await nats.kill()
  await becomes({ status: 503, failing: ['nats'] })
  await mailFlows()
  await nats.restart()
  await becomes({ status: 200, failing: [] })
  await mailFlows()
})

const SENT = 40
const passing = ['UNAVAILABLE', 'DEADLINE_EXCEEDED']

/**
 * Submits many messages and calls `fail` in the middle. Resolves with the codes of the refusals, once
 * bob has had what was accepted, and then, sent again, the rest: every message exactly once.
 */
async function submitThrough(fail: () => Promise<void>): Promise<ReadonlySet<string>> {
  const drafts: SealedDraft[] = []
  for (let index = 0; index < SENT; index++) {
    const draft = { to: ['bob@b.test'], subject: `${index}`, body: '', keepCopy: false }
    drafts.push(await sealDraft(alice, draft))
  }
  const { cursor } = await listChanges(bob, new Uint8Array())
  const codes = new Set<string>()
  const accepted = new Set<SealedDraft>()
  const submit = async (draft: SealedDraft) => {
    try {
      await submitSealed(alice, draft)
      accepted.add(draft)
    } catch (error) {
      codes.add(error instanceof MailxError ? error.code : String(error))
    }
  }
  const before = drafts.slice(0, SENT / 2).map(submit)
  await Promise.race(before)
  const failing = fail()
  await Promise.all([...before, ...drafts.slice(SENT / 2).map(submit)])
  await failing

  const received = async () => {
    const { entries } = await listChanges(bob, cursor)
    return entries.map(({ messageId }) => formatId(messageId)).toSorted()
  }
  const idsOf = (some: Iterable<SealedDraft>) =>
    [...some].map(({ submission }) => formatId(submission.messageId)).toSorted()
  await eventually(async () => {
    expect(await received()).toEqual(expect.arrayContaining(idsOf(accepted)))
  }, patience)
  await eventually(async () => {
    for (const draft of drafts) if (!accepted.has(draft)) await submit(draft)
    expect(accepted.size).toBe(SENT)
  }, patience)
  await eventually(async () => expect(await received()).toEqual(idsOf(drafts)), patience)
  return codes
}

test('Postgres dies while messages come in: refused as UNAVAILABLE, and none is lost or doubled', async () => {
  const waiting = await sealDraft(alice, { to: ['dave@a.test'], subject: 'Later', body: '' })
  const codes = await submitThrough(async () => {
    await postgres.kill()
    await becomes({ status: 503, failing: expect.arrayContaining(['postgres']) })
    await expect(submitSealed(alice, waiting)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await postgres.restart()
  })
  expect(passing).toEqual(expect.arrayContaining([...codes]))
  await becomes({ status: 200, failing: [] })
  await submitSealed(alice, waiting)
  await receive(dave, waiting.submission.messageId)
})

test('the deployment is killed while messages come in: none is lost or doubled', async () => {
  const codes = await submitThrough(async () => {
    for (const { process: child } of here.processes) child.kill('SIGKILL')
    await here.stop()
    await here.restart()
  })
  expect(passing).toEqual(expect.arrayContaining([...codes]))
})

test('a full disk is told as such, nothing of the message stays, and it can be sent later', async () => {
  const database = databaseOf(here)
  await database.query(`
    create function refuse_as_full() returns trigger language plpgsql as $$
    begin
      raise exception 'could not extend file: No space left on device' using errcode = 'disk_full';
    end $$;
    create trigger disk_full before insert on log.events
      for each statement execute function refuse_as_full()`)
  const before = await countEvents(database, 'submission')
  const sealed = await sealDraft(alice, { to: ['dave@a.test'], subject: 'Full', body: '' })
  await expect(submitSealed(alice, sealed)).rejects.toMatchObject({ code: 'STORAGE_FULL' })
  expect(await countEvents(database, 'submission')).toBe(before)
  await database.query('drop function refuse_as_full cascade')
  await database.end()
  await submitSealed(alice, sealed)
  await receive(dave, sealed.submission.messageId)
})

test('servers that are away at the start are waited for, and told by name', async () => {
  const id = await send(alice, { to: ['dave@a.test'], subject: 'Before', body: '' })
  await here.stop()
  for (const server of [postgres, nats, redis]) await server.kill()
  const [service] = here.processes
  const log = async () => readFile(service?.logFile ?? '', 'utf8')
  const told = (await log()).length
  const says = (words: string) =>
    eventually(async () => (await log()).slice(told).includes(words), patience)

  const ready = here.restart()
  await says('cannot reach Postgres: start it or correct DATABASE_URL')
  expect(await health('/livez')).toMatchObject({ status: 200 })
  expect(await health()).toMatchObject({ status: 503 })
  await postgres.restart()
  await says('cannot reach NATS: start it or correct NATS_URL')
  expect(await health()).toMatchObject({ status: 503 })
  await nats.restart()
  await ready
  // Redis is still away: nothing waits for it.
  await becomes({ status: 200, failing: ['redis'] })
  await mailFlows()
  await receive(dave, id)
  await redis.restart()
  await becomes({ status: 200, failing: [] })
})
