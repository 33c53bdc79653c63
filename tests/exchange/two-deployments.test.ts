import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Account } from '@mailx/client/account'
import { listChanges, readAttachment } from '@mailx/client/mailbox'
import { sealDraft, submitSealed } from '@mailx/client/send'
import { signedIn } from '@mailx/client/session'
import { equal, utf8 } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { formatId } from '@mailx/crypto/uuid'
import type { Stack } from '@mailx/dev-tool/stack'
import { metricTypes } from '@mailx/telemetry/metric-names'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { databaseOf, deploymentOf } from './database.ts'
import { person, receive, send, settled, testStack } from './people.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let stack: Stack
let alice: Account
let dave: Account
let bob: Account
let carol: Account

beforeAll(async () => {
  stack = await testStack('two-deployments', { a: ['a.test'], b: ['b.test'] })
  alice = await person(stack, 'alice@a.test')
  dave = await person(stack, 'dave@a.test')
  bob = await person(stack, 'bob@b.test')
  carol = await person(stack, 'carol@b.test')
})

afterAll(async () => {
  for (const { transport } of [alice, dave, bob, carol]) transport.close()
  await stack.stop()
})

test('a message reaches every recipient in both domains, once, and says so to its sender', async () => {
  const id = await send(alice, {
    to: ['bob@b.test'],
    cc: ['carol@b.test'],
    bcc: ['dave@a.test'],
    subject: 'Meeting',
    body: 'At three.',
  })
  for (const recipient of [bob, carol, dave, alice]) {
    const { payload } = await receive(recipient, id)
    expect(payload).toMatchObject({ subject: 'Meeting', body: 'At three.', from: 'alice@a.test' })
    expect(JSON.stringify(payload)).not.toContain('dave')
    const { entries } = await listChanges(recipient, new Uint8Array())
    expect(entries.filter(({ messageId }) => equal(messageId, id))).toHaveLength(1)
  }
  await settled(alice, id, {
    'bob@b.test': 'delivered',
    'carol@b.test': 'delivered',
    'dave@a.test': 'delivered',
  })
})

test('attachments arrive whole, small ones inline and large ones in parts', async () => {
  const small = { filename: 'note.txt', contentType: 'text/plain', data: utf8('small') }
  const large = {
    filename: 'plan.bin',
    contentType: 'application/octet-stream',
    data: randomBytes(1_300_000),
  }
  const id = await send(alice, {
    to: ['bob@b.test', 'dave@a.test'],
    subject: 'Files',
    body: '',
    files: [small, large],
  })
  for (const recipient of [bob, dave]) {
    const { payload } = await receive(recipient, id)
    const [first, second] = payload.attachments
    if (!first || !second) throw new Error('an attachment is missing')
    expect(await readAttachment(recipient, first)).toEqual(small.data)
    expect(await readAttachment(recipient, second)).toEqual(large.data)
  }
  const hash = (await receive(bob, id)).payload.attachments.flatMap((attachment) =>
    'partHashes' in attachment ? attachment.partHashes.slice(0, 1) : [],
  )
  await expect(
    signedIn(carol, (call) => carol.transport.fetchBlobs({ hashes: hash }, call)),
  ).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('a hundred messages of one sender arrive in their order', async () => {
  const sealed = []
  for (let index = 0; index < 100; index++) {
    sealed.push(
      await sealDraft(alice, {
        to: ['bob@b.test'],
        subject: `${index}`,
        body: '',
        keepCopy: false,
      }),
    )
  }
  const { cursor } = await listChanges(bob, new Uint8Array())
  for (const draft of sealed) await submitSealed(alice, draft)
  const sent = sealed.map(({ submission }) => formatId(submission.messageId))
  await receive(bob, sealed.at(-1)?.submission.messageId ?? new Uint8Array())
  const { entries } = await listChanges(bob, cursor)
  expect(entries.map(({ messageId }) => formatId(messageId))).toEqual(sent)
})

test('the same submission twice is one message; another one with its id is refused', async () => {
  // A client whose clock stands still and whose first random bytes repeat: they make the id.
  const at = Date.now()
  const bytes = randomBytes(16)
  const sealOnce = (subject: string) => {
    let first = true
    const random = (length: number) => {
      if (!first) return randomBytes(length)
      first = false
      return bytes.slice(0, length)
    }
    const stuck = { ...alice, now: () => at, random }
    return sealDraft(stuck, { to: ['bob@b.test'], subject, body: '' })
  }
  const sealed = await sealOnce('First')
  const other = await sealOnce('Second')
  expect(other.submission.messageId).toEqual(sealed.submission.messageId)

  const accepted = await submitSealed(alice, sealed)
  expect(await submitSealed(alice, sealed)).toEqual(accepted)
  await expect(submitSealed(alice, other)).rejects.toMatchObject({ code: 'DUPLICATE_MESSAGE_ID' })

  const { messageId } = sealed.submission
  expect((await receive(bob, messageId)).payload.subject).toBe('First')
  const { entries } = await listChanges(bob, new Uint8Array())
  expect(entries.filter((entry) => equal(entry.messageId, messageId))).toHaveLength(1)
})

test('flags and deletions show to the next look at the mailbox, and only what changed', async () => {
  const id = await send(alice, { to: ['bob@b.test'], subject: 'Flags', body: '' })
  await receive(bob, id)
  const { cursor } = await listChanges(bob, new Uint8Array())
  const flags = { messageIds: [id], add: ['seen', 'flagged'], remove: [] }
  await signedIn(bob, (call) => bob.transport.setFlags(flags, call))
  const flagged = await listChanges(bob, cursor)
  expect(flagged.entries.map(({ messageId }) => formatId(messageId))).toEqual([formatId(id)])
  expect(flagged.entries[0]?.flags).toEqual(['flagged', 'seen'])
  await signedIn(bob, (call) => bob.transport.deleteMessages({ messageIds: [id] }, call))
  expect((await listChanges(bob, flagged.cursor)).entries).toMatchObject([{ deleted: true }])
})

test('one trace follows a message from submission to push, through both domains', async () => {
  const traceId = Buffer.from(randomBytes(16)).toString('hex')
  const sealed = await sealDraft(alice, { to: ['bob@b.test'], subject: 'Traced', body: '' })
  const abort = new AbortController()
  const token = bob.session?.token ?? new Uint8Array()
  const pushes = bob.transport.subscribe({ token, signal: abort.signal })
  const pushed = (async () => {
    for await (const { event } of pushes) if (event?.$case === 'entry') return
  })()
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
  await submitSealed({ ...alice, traceparent: () => traceparent }, sealed)
  await pushed
  abort.abort()
  const way = ['gateway', 'outbound-federation', 'inbound-federation', 'storage']
  const spans = await stack.traces?.waitForTrace(
    traceId,
    (all) =>
      ['submit', 'push'].every((step) => all.some(({ name }) => name === step)) &&
      way.every((name) => all.some(({ service }) => service === name)),
    30_000,
  )
  // Both gateways are on the way: one takes the submission, the other one pushes.
  expect(spans?.filter(({ name }) => name === 'submit')).toHaveLength(1)
  expect(spans?.some(({ name, service }) => name === 'push' && service === 'gateway')).toBe(true)
})

test('health, readiness and metrics answer, and tell what the services do', async () => {
  for (const { deployment, processes } of stack.deployments) {
    for (const { opsPort } of processes) {
      const get = (path: string) => fetch(`http://127.0.0.1:${opsPort}${path}`)
      expect((await get('/livez')).status).toBe(200)
      expect((await get('/readyz')).status).toBe(200)
      const metrics = await (await get('/metrics')).text()
      // What runs registers what the table names, all of it and no more.
      const shown = [...metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [
        name,
        type,
      ])
      expect(Object.fromEntries(shown)).toEqual(metricTypes)
      // Nobody is named in them, and domains of others only so far.
      expect(metrics).not.toMatch(/@|alice|bob|carol|dave/)
      const open = await fetch(`http://127.0.0.1:${opsPort}/metrics`, {
        headers: { accept: 'application/openmetrics-text' },
      })
      const objective =
        /^mailx_submit_duration_seconds_bucket\{.*\} \d+ # \{trace_id="[0-9a-f]{32}"\}/m
      if (deployment.name === 'a') expect(await open.text()).toMatch(objective)
    }
  }
})

test('nothing that a person wrote is in the database or the logs, and no address in the logs', async () => {
  const canary = `canary-${Buffer.from(randomBytes(8)).toString('hex')}`
  const id = await send(alice, {
    to: ['bob@b.test'],
    bcc: ['dave@a.test'],
    subject: `subject ${canary}`,
    body: `body ${canary}`,
    files: [{ filename: `${canary}.txt`, contentType: 'text/plain', data: utf8(canary) }],
  })
  await receive(bob, id)
  await settled(alice, id, { 'bob@b.test': 'delivered' })
  for (const running of stack.deployments) {
    const database = databaseOf(running)
    const { rows } = await database.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
         where schemaname not in ('pg_catalog', 'information_schema')`,
    )
    expect(rows.length).toBeGreaterThan(10)
    for (const { name } of rows) {
      const found = await database.query(
        `select count(*)::int as n from ${name} as t where t::text like $1 or t::text like $2`,
        [`%${canary}%`, `%${Buffer.from(canary).toString('hex')}%`],
      )
      expect([name, found.rows[0]]).toEqual([name, { n: 0 }])
    }
    await database.end()
  }
  const logs = readdirSync(stack.logDir).map((file) =>
    readFileSync(join(stack.logDir, file), 'utf8'),
  )
  for (const log of logs) {
    for (const line of log.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow()
    expect(log).not.toContain(canary)
    expect(log).not.toMatch(/(alice|bob|carol|dave)@[ab]\.test/)
  }
})

test('while the peer is away a message is deferred with its reason, and delivered when it is back', async () => {
  const peer = deploymentOf(stack, 'b')
  const sealed = await sealDraft(alice, { to: ['bob@b.test'], subject: 'Later', body: '' })
  await peer.stop()
  await submitSealed(alice, sealed)
  const id = sealed.submission.messageId
  const { recipients } = await settled(alice, id, { 'bob@b.test': 'deferred' })
  expect(recipients[0]?.reason).not.toBe('')
  await peer.restart()
  await settled(alice, id, { 'bob@b.test': 'delivered' })
  await receive(bob, id)
})
