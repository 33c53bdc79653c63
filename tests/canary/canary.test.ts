import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Backend } from '@mailx/backends/backend'
import { createDatabase } from '@mailx/backends/create-database'
import { type NatsBackend, startNats } from '@mailx/backends/start-nats'
import { startPostgres } from '@mailx/backends/start-postgres'
import { startRedis } from '@mailx/backends/start-redis'
import type { Account } from '@mailx/client/account'
import { formatRecoveryCode } from '@mailx/client/recovery-code'
import { utf8 } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { serviceNames } from '@mailx/dev-tool/deployment'
import type { Stack } from '@mailx/dev-tool/stack'
import { MailxError } from '@mailx/errors/mailx-error'
import { connectNats } from '@mailx/messaging/connect'
import { streams } from '@mailx/messaging/streams'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { databaseOf, deploymentOf } from '../exchange/database.ts'
import { person, receive, send, settled, testStack } from '../exchange/people.ts'
import { type Finding, formsOf, type Haystack, type Needle, search } from './forms.ts'
import { collectSpans, type SpanCollector } from './span-collector.ts'
import { filesBelow, metricsOf, postgresFolders, redisContent, tablesOf } from './stores.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 })

const unique = (word: string) => `${word}-${Buffer.from(randomBytes(12)).toString('hex')}`
const text = (name: string, value = unique(name)) => ({ name, value: utf8(value) })
const wordOf = ({ value }: Needle) => Buffer.from(value).toString()

const written = ['subject', 'body', 'filename', 'content'].map((name) => text(name))
const [subject = text(''), body = text(''), filename = text(''), content = text('')] = written
const wrong = ['stranger', 'malformed', 'path', 'token'].map((name) => text(name))
const [stranger = text(''), malformed = text(''), path = text(''), token = text('')] = wrong
const people = { alice: unique('alice'), dave: unique('dave'), bob: unique('bob') }
const addresses = Object.entries(people).map(([name, value]) => text(`address of ${name}`, value))
const bcc = { name: 'Bcc', value: utf8(people.dave) }
const planted = text('planted')
const recoveries = Object.keys(people).map((name) => ({ name, value: randomBytes(16) }))

let folder: string
let postgres: Backend
let nats: NatsBackend
let redis: Backend
let stack: Stack
let spans: SpanCollector
let accounts: Account[]
let databases: Record<string, Pool>
/** What is kept where, read when everything had been said. */
let kept: Record<'tables' | 'files' | 'wal' | 'streams' | 'redis', Haystack[]>
let shown: Record<'logs' | 'metrics' | 'spans', Haystack[]>
let ofB: Haystack[]
let secrets: Needle[]

// In containers the files are where only root of the engine's machine gets at them.
const inDocker = process.env.MAILX_BACKENDS === 'docker'

beforeEach(({ skip }) => {
  skip(inDocker, 'it reads the files of servers on this machine: take MAILX_BACKENDS=auto or local')
})

beforeAll(async () => {
  if (inDocker) return
  folder = await mkdtemp(join(tmpdir(), 'mailx-canary-'))
  const own = { own: true, say: () => {} }
  ;[postgres, nats, redis, spans] = await Promise.all([
    startPostgres(own),
    startNats({ ...own, accounts: ['a', 'b'], dataDir: join(folder, 'nats'), tempDir: folder }),
    startRedis(own),
    collectSpans(),
  ])
  // a's services are processes of their own and know each other by certificates; b's are one process.
  stack = await testStack(
    'canary',
    { a: ['a.test'], b: ['b.test'] },
    {
      separate: (name) => name === 'a',
      readyWithinMs: 170_000,
      tracing: false,
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: spans.endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_BSP_SCHEDULE_DELAY: '200',
      },
      backendsOf: async (name) => ({
        databaseUrl: await createDatabase(postgres.url, `canary_${name}`),
        natsUrl: nats.urlOf(name),
        natsSeedOf: (principal) => nats.seedOf(name, principal),
        redisUrl: new URL(name === 'a' ? '/1' : '/2', redis.url).href,
      }),
    },
  )
  databases = {
    a: databaseOf(deploymentOf(stack, 'a')),
    b: databaseOf(deploymentOf(stack, 'b')),
  }
  await exchange()
  secrets = await secretsOfServices()
  await plant()
  await readAll()
})

afterAll(async () => {
  if (inDocker) return
  for (const { transport } of accounts ?? []) transport.close()
  await Promise.all(Object.values(databases ?? {}).map((database) => database.end()))
  await stack?.stop()
  await Promise.all([postgres, nats, redis, spans].map((server) => server?.stop()))
  await rm(folder, { recursive: true, force: true })
})

/** Mail within a domain and between two, and what goes wrong on the way. */
async function exchange() {
  const [alice, dave, bob] = await Promise.all([
    person(stack, `${people.alice}@a.test`, recoveries[0]?.value),
    person(stack, `${people.dave}@a.test`, recoveries[1]?.value),
    person(stack, `${people.bob}@b.test`, recoveries[2]?.value),
  ])
  if (!alice || !dave || !bob) throw new Error('somebody did not register')
  accounts = [alice, dave, bob]
  const draft = {
    to: [`${people.bob}@b.test`],
    bcc: [`${people.dave}@a.test`],
    subject: wordOf(subject),
    body: wordOf(body).repeat(200),
    files: [{ filename: wordOf(filename), contentType: 'text/plain', data: content.value }],
  }
  const large = { ...draft, files: draft.files.map((file) => ({ ...file, data: manyTimes() })) }
  for (const one of [draft, large]) {
    const id = await send(alice, one)
    await Promise.all([receive(bob, id), receive(dave, id), receive(alice, id)])
    await settled(alice, id, { [`${people.bob}@b.test`]: 'delivered' })
  }
  await receive(alice, await send(bob, { ...draft, to: [`${people.alice}@a.test`], bcc: [] }))
  await mistakes(alice)
}

const manyTimes = () => utf8(wordOf(content).repeat(20_000))

async function mistakes(alice: Account) {
  const elsewhere = [`${wordOf(stranger)}@b.test`, `${wordOf(stranger)}@a.test`]
  for (const to of elsewhere) {
    await expect(send(alice, { to: [to], subject: '', body: '' })).rejects.toThrow(to)
  }
  const odd = { ...alice.keyring, address: `${wordOf(malformed)}@@a.test` }
  const { transport } = alice
  await expect(
    transport.register({
      address: odd.address,
      publicKey: malformed.value,
      atUnixMs: 1n,
      possessionSignature: malformed.value,
      deviceList: undefined,
    }),
  ).rejects.toThrow(MailxError)
  await expect(transport.getUsage({}, { token: token.value })).rejects.toThrow(MailxError)
  const traceparent = wordOf(malformed)
  await expect(transport.getUsage({}, { token: token.value, traceparent })).rejects.toThrow(
    MailxError,
  )
  for (const { processes } of stack.deployments) {
    for (const { opsPort } of processes) {
      const page = await fetch(`http://127.0.0.1:${opsPort}/${wordOf(path)}?${wordOf(path)}`)
      expect(page.status).toBe(404)
    }
  }
}

/** What must be in no store: keys, codes and passwords, as text and as the bytes that it stands for. */
async function secretsOfServices(): Promise<Needle[]> {
  const found: Needle[] = []
  const both = (name: string, value: string) => {
    found.push(text(name, value), { name, value: Buffer.from(value, 'base64') })
  }
  for (const { deployment } of stack.deployments) {
    for (const name of ['BUS_KEY', 'SESSION_KEY', 'KEY_ENCRYPTION_KEY']) {
      both(`${name} of ${deployment.name}`, deployment.env[name] ?? '')
    }
    for (const [name, { keyPem }] of Object.entries(deployment.certificates.of)) {
      const [, , privateKey = ''] = /^(-+[^-]+-+)([^-]+)/.exec(keyPem) ?? []
      both(`key of ${name}'s certificate`, privateKey.replaceAll(/\s/g, ''))
    }
    const roles = deployment.ownerEnv['ROLE_PASSWORDS_DIR'] ?? ''
    for (const kind of ['postgres-roles', 'nats-users']) {
      const dir = join(roles, '..', kind)
      for (const file of await readdir(dir)) {
        found.push(text(`${kind}/${file}`, await readFile(join(dir, file), 'utf8')))
      }
    }
  }
  for (const { name, value } of recoveries) {
    const code = formatRecoveryCode(value)
    found.push({ name: `recovery of ${name}`, value }, text(`code of ${name}`, code))
  }
  for (const { keyring, session } of accounts) {
    const { userSeed, device, mailboxDevice } = keyring
    const seeds = [userSeed, ...[device, mailboxDevice].flatMap(seedsOf)]
    found.push(...seeds.map((value) => ({ name: 'a seed of somebody', value })))
    found.push({ name: 'a session token', value: session?.token ?? new Uint8Array() })
  }
  return found
}

const seedsOf = (device: { signingSeed: Uint8Array; encryptionSeed: Uint8Array }) => [
  device.signingSeed,
  device.encryptionSeed,
]

/** Puts a value into each store, in each form, by the doors that the services use. */
async function plant() {
  const forms = formsOf(planted.value).map(({ bytes }) => bytes)
  for (const name of ['a', 'b']) {
    const database = databases[name]
    await database?.query('create table public.planted (id int, form bytea, said text)')
    for (const [id, form] of forms.entries()) {
      const said = form.includes(0) ? '' : form.toString()
      await database?.query('insert into public.planted values ($1, $2, $3)', [id, form, said])
    }
    const connection = await connectNats({ url: nats.urlOf(name), name: 'planter' })
    const manager = await jetstreamManager(connection)
    const like = { ...streams[0], name: 'PLANTED', subjects: ['planted'] }
    await manager.streams.add(like)
    for (const form of forms) await jetstream(connection).publish('planted', form)
    await connection.close()
  }
  const cache = new Redis(redis.url)
  for (const [id, form] of forms.entries()) await cache.set(`planted:${id}`, form)
  cache.disconnect()
  await writeFile(join(stack.logDir, 'planted.log'), Buffer.concat(forms))
  for (const form of forms) await fetch(spans.endpoint, { method: 'POST', body: form })
}

async function readAll() {
  const metrics = await metricsOf(stack.deployments)
  await Promise.all(stack.deployments.map((running) => running.stop()))
  const [a, b] = [databases['a'], databases['b']]
  if (!a || !b) throw new Error('there is no database')
  const { data, wal, files } = await postgresFolders(a)
  // Before the checkpoint, after which segments that are not needed any more may go.
  const segments = [...filesBelow(wal)]
  await a.query('checkpoint')
  const ownOfB = (await postgresFolders(b)).files
  const tables = await Promise.all([toArray(tablesOf(a, 'a')), toArray(tablesOf(b, 'b'))])
  const cached = await redisContent(redis.url)
  await nats.kill()
  const streamsOf = (name: string) => [
    ...filesBelow(join(folder, 'nats'), new RegExp(`/${name}/streams/`)),
  ]
  kept = {
    tables: tables.flat(),
    files: [...filesBelow(files), ...filesBelow(ownOfB)],
    wal: segments,
    streams: [...streamsOf('a'), ...streamsOf('b')],
    redis: cached,
  }
  const logs = [stack.logDir, folder].flatMap((dir) => [...filesBelow(dir, /\.log$/)])
  shown = {
    logs: [...logs, ...filesBelow(join(data, '..'), /server\.log$/)],
    metrics,
    spans: [{ where: 'spans', bytes: spans.exported() }],
  }
  ofB = [...(tables[1] ?? []), ...filesBelow(ownOfB), ...streamsOf('b')]
}

async function toArray<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const everything = () => [...Object.values(kept).flat(), ...Object.values(shown).flat()]
const none: Finding[] = []

test('what is planted in a store is found there, in each form', () => {
  const forms = formsOf(planted.value).map(({ name }) => name)
  const logs = shown.logs.filter(({ where }) => where.endsWith('planted.log'))
  for (const [store, haystacks] of Object.entries({ ...kept, logs, spans: shown.spans })) {
    const found = new Set(search([planted], haystacks).map(({ form }) => form))
    // Tables as text have bytes in hexadecimal; what is text there is found as it is.
    const wanted = store === 'tables' ? forms.filter((name) => !name.startsWith('UTF')) : forms
    expect([store, wanted.filter((form) => !found.has(form))]).toEqual([store, []])
  }
  const known = text('a metric', 'mailx_submit_duration_seconds')
  expect(search([known], shown.metrics)).not.toEqual(none)
})

test('addresses are found where mail is routed by them: in tables, files, WAL and streams', () => {
  for (const store of ['tables', 'files', 'wal', 'streams'] as const) {
    const found = new Set(search(addresses, kept[store]).map(({ needle }) => needle))
    expect([store, [...found].toSorted()]).toEqual([
      store,
      addresses.map((one) => one.name).toSorted(),
    ])
  }
})

/** Mail is routed and kept by addresses, keys are vouched for by them; what else is stored has none. */
const mayNameSomebody = [
  /: table (log\.events|mail\.blobs|identity\.attestations|directory\.users|inbound\.users)$/,
  /: table storage\.(entries|usage)_(submitted|received)$/,
  /: table storage\.(outcomes|remote_copies)$/,
  /: table outbound\.(deliveries|outcomes)$/,
  /\/streams\/LOG_(delivery|identity|mailbox|reception|submission)\/msgs\/\d+\.blk$/,
]

test('no address is in any other table, not in Redis, and in JetStream in events alone', () => {
  const { redis: cached, streams: kinds, tables } = kept
  expect(cached.some(({ where }) => where.includes('mailx:bundle'))).toBe(true)
  const found = search(addresses, [...tables, ...kinds, ...cached])
  const elsewhere = found.filter(({ where }) => !mayNameSomebody.some((place) => place.test(where)))
  expect(elsewhere).toEqual(none)
})

test('seven processes and one have shown logs, metrics and spans', () => {
  const logs = shown.logs.filter(({ where }) => where.startsWith(stack.logDir))
  const names = logs.map(({ where }) => basename(where))
  expect(names).toEqual(expect.arrayContaining(serviceNames.map((name) => `a-${name}.log`)))
  expect(names).toContain('b-all-in-one.log')
  const [{ bytes } = { bytes: new Uint8Array() }] = shown.spans
  for (const name of serviceNames) expect(Buffer.from(bytes).includes(`"${name}"`)).toBe(true)
})

test('nothing that a person wrote is in any store, log, trace or metric', () => {
  expect(search(written, everything())).toEqual(none)
})

test('no key, code, token or password is in any store, log, trace or metric', () => {
  expect(secrets.length).toBeGreaterThan(50)
  expect(search(secrets, everything())).toEqual(none)
})

test('no address, and nothing that was refused, is in logs, traces or metrics', () => {
  expect(search([...addresses, ...wrong], Object.values(shown).flat())).toEqual(none)
})

test('a bad token and a malformed request leave nothing in any store', () => {
  expect(search([token, malformed, path], everything())).toEqual(none)
})

test('the other domain learns nothing of a Bcc recipient at home', () => {
  expect(search([text('bob', people.bob)], ofB)).not.toEqual(none)
  expect(search([bcc], ofB)).toEqual(none)
})
