import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stack } from '@mailx/dev-tool/stack'
import { readJournal } from '@mailx/loadtest-tool/journal'
import { encodeGroup } from '@mailx/loadtest-tool/journal-codec'
import type { JournalRecord } from '@mailx/loadtest-tool/journal-record'
import { roomyLimits } from '@mailx/loadtest-tool/own-stack'
import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { databaseOf, deploymentOf, flipped, tamper } from './database.ts'
import { testStack } from './people.ts'
import { run } from './programs.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let stack: Stack
let database: Pool
let journal: string

beforeAll(async () => {
  stack = await testStack('loadtest', { a: ['a.test'], b: ['b.test'] }, { env: roomyLimits })
  database = databaseOf(deploymentOf(stack, 'b'))
  journal = join(stack.logDir, 'journal')
})

afterAll(async () => {
  await database.end()
  await stack.stop()
})

type Verdict = {
  readonly messages: number
  readonly copies: number
  readonly delivered: number
  readonly ended: boolean
  readonly counts: Readonly<Record<string, number>>
  readonly problems: readonly { readonly id: string; readonly recipient: string }[]
}

const fine = {
  lost: 0,
  duplicated: 0,
  reordered: 0,
  corrupt: 0,
  unresolved: 0,
  unheard: 0,
  unexpected: 0,
}

async function verify(path = journal, ...options: readonly string[]) {
  const given = ['verify', '--journal', path, '--settle', '500ms', '--json', '--quiet']
  const args = [...given, ...options]
  const { exitCode, stdout, stderr } = await run('loadtest', args, { env: stack.clientEnv })
  if (stdout === '') throw new Error(`verify ended with ${exitCode}: ${stderr}`)
  return { exitCode, verdict: JSON.parse(stdout) as Verdict }
}

const opsPortOf = (deployment: string) => deploymentOf(stack, deployment).processes[0]?.opsPort

/** Entries of the run in mailboxes of b.test, oldest first. */
async function received() {
  const { rows } = await database.query<{
    mailbox: string
    message_id: Buffer
    sender: string
    partition: string
    position: string
  }>(`select mailbox, message_id, sender, partition, position
        from storage.entries_received order by mailbox, partition, position`)
  return rows
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('a run sends within and between two domains, and everything that was accepted is there', async () => {
  const json = join(stack.logDir, 'result.json')
  const html = join(stack.logDir, 'report.html')
  const outcome = await run(
    'loadtest',
    [
      'run --target a.test,b.test --mode mixed --users 10 --rate 60'.split(' '),
      '--duration 4s --warmup 1s --recipients 1..3 --size 1k:3,8k:1'.split(' '),
      '--arrivals fixed --drain 60s --verify'.split(' '),
      ['--metrics', `a.test=http://127.0.0.1:${opsPortOf('a')}`],
      ['--journal', journal, '--json', json, '--html', html],
    ].flat(),
    { env: stack.clientEnv },
  )
  expect(outcome).toMatchObject({ exitCode: 0 })
  const result = JSON.parse(readFileSync(json, 'utf8'))
  expect(result).toMatchObject({ sent: 300, accepted: 300, refused: 0, unresolved: 0, unheard: 0 })
  expect(result).toMatchObject({ measured: { messages: 240 }, verdict: { counts: fine } })
  expect(result.verdict.delivered).toBe(result.copies)
  expect(readFileSync(html, 'utf8')).toContain('All accounted for.')
  expect(result.intervals.at(-1).processes).toMatchObject({
    'a.test': { rssMiB: expect.any(Number) },
    'load generator': { rssMiB: expect.any(Number) },
  })
  expect(result.measured.late).toMatchObject({ overMs: 10 })
  expect(outcome.stdout).toMatch(/^peak MiB .*load generator \d+/m)
  expect(outcome.stderr).toMatch(/sent\/s .* p99 .* backlog/)
})

test('verify finds the same out of the journal alone', async () => {
  const { exitCode, verdict } = await verify()
  expect(verdict).toMatchObject({ messages: 300, ended: true, counts: fine })
  expect(verdict.delivered).toBe(verdict.copies)
  expect(exitCode).toBe(0)
})

test('verify finds a message that is gone from a mailbox', async () => {
  const entry = first(await received())
  const where = [entry.mailbox, entry.message_id]
  await database.query(
    "update storage.entries_received set mailbox = 'nobody@b.test' where mailbox = $1 and message_id = $2",
    where,
  )
  const { exitCode, verdict } = await verify()
  expect(verdict.counts).toEqual({ ...fine, lost: 1 })
  expect(verdict.problems).toMatchObject([{ id: hex(entry.message_id), recipient: entry.mailbox }])
  expect(exitCode).toBe(1)
  await database.query(
    "update storage.entries_received set mailbox = $1 where mailbox = 'nobody@b.test' and message_id = $2",
    where,
  )
})

test('verify finds a message that is in a mailbox twice', async () => {
  const entry = first(await received())
  await database.query(
    `insert into storage.entries_received
       select (jsonb_populate_record(e, jsonb_build_object('position', 1000000000 + e.position))).*
         from storage.entries_received e where mailbox = $1 and message_id = $2`,
    [entry.mailbox, entry.message_id],
  )
  const { exitCode, verdict } = await verify()
  expect(verdict.counts).toMatchObject({ ...fine, duplicated: 1 })
  expect(verdict.problems).toMatchObject([{ id: hex(entry.message_id), recipient: entry.mailbox }])
  expect(exitCode).toBe(1)
  await database.query('delete from storage.entries_received where position > 1000000000')
})

test('verify finds two messages of a conversation that changed places', async () => {
  const conversation = [
    ...Map.groupBy(
      await received(),
      ({ mailbox, sender, partition }) => `${mailbox} ${sender} ${partition}`,
    ).values(),
  ].find((entries) => entries.length > 1)
  const [earlier, later] = conversation ?? []
  if (earlier === undefined || later === undefined) throw new Error('no conversation is that long')
  await move(earlier, '-1')
  await move(later, earlier.position)
  await move(earlier, later.position)
  const { exitCode, verdict } = await verify()
  expect(verdict.counts).toMatchObject({ lost: 0, duplicated: 0, corrupt: 0 })
  expect(verdict.counts['reordered']).toBeGreaterThan(0)
  expect(verdict.problems.map(({ id }) => id)).toContain(hex(later.message_id))
  expect(exitCode).toBe(1)
  await move(earlier, '-1')
  await move(later, later.position)
  await move(earlier, earlier.position)
})

test('verify finds a message of which a bit was turned over', async () => {
  const entry = first(await received())
  const putBack = await tamper(
    database,
    { mailbox: entry.mailbox, id: entry.message_id },
    'envelope',
    flipped,
  )
  const { exitCode, verdict } = await verify()
  expect(verdict.counts).toEqual({ ...fine, corrupt: 1 })
  expect(verdict.problems).toMatchObject([{ id: hex(entry.message_id), recipient: entry.mailbox }])
  expect(exitCode).toBe(1)
  await putBack()
})

test('verify finds a message of which the journal does not know what became of it', async () => {
  const edited = edit('unresolved', (records) =>
    records.filter((record) => record.kind !== 'accepted' || record.number !== 7),
  )
  const { exitCode, verdict } = await verify(edited)
  expect(verdict.counts).toEqual({ ...fine, unresolved: 1 })
  expect(exitCode).toBe(1)
})

test('verify finds a recipient who was not told', async () => {
  const edited = edit('unheard', (records) =>
    records.filter((record) => record.kind !== 'notified' || record.number !== 7),
  )
  const { exitCode, verdict } = await verify(edited)
  expect(verdict.counts['unheard']).toBeGreaterThan(0)
  expect(verdict.counts).toEqual({ ...fine, unheard: verdict.counts['unheard'] })
  expect(exitCode).toBe(1)
})

test('verify finds what was delivered although it was refused, or never sent', async () => {
  const refused = edit('refused', (records) =>
    records.map((record) =>
      record.kind === 'accepted' && record.number === 7
        ? { ...record, kind: 'refused', code: 'TOO_LARGE' }
        : record,
    ),
  )
  const { exitCode, verdict } = await verify(refused)
  expect(verdict.counts['unexpected']).toBeGreaterThan(0)
  expect(exitCode).toBe(1)
  const forgotten = edit('forgotten', (records) =>
    records.filter((record) => !('number' in record) || record.number !== 7),
  )
  expect((await verify(forgotten)).verdict.counts['unexpected']).toBe(verdict.counts['unexpected'])
})

test('a journal that was cut off is verified as far as it goes, and is good for nothing else', async () => {
  const cut = edit('cut', (records) => records.filter(({ kind }) => kind !== 'end'))
  const end = encodeGroup(readJournal(journal).records.filter(({ kind }) => kind === 'end'))
  appendFileSync(cut, end.subarray(0, end.length - 5))
  const { exitCode, verdict } = await verify(cut)
  expect(verdict).toMatchObject({ ended: false, messages: 300, problems: [] })
  expect(exitCode).toBe(1)
  expect((await verify(cut, '--partial')).exitCode).toBe(0)
})

test('what cannot be read is said in one line', async () => {
  const missing = join(stack.logDir, 'missing')
  const args = ['verify', '--journal', missing]
  const { exitCode, stderr } = await run('loadtest', args, { env: stack.clientEnv })
  expect(stderr).toBe(`loadtest: cannot read the journal ${missing}: ENOENT (NOT_FOUND)\n`)
  expect(exitCode).toBe(1)
})

type Entry = Awaited<ReturnType<typeof received>>[number]

function first(entries: readonly Entry[]): Entry {
  const [entry] = entries
  if (entry === undefined) throw new Error('nothing was received')
  return entry
}

async function move({ mailbox, message_id: id }: Entry, position: string): Promise<void> {
  await database.query(
    'update storage.entries_received set position = $3 where mailbox = $1 and message_id = $2',
    [mailbox, id, position],
  )
}

/** A journal as that of the run, changed. */
function edit(
  name: string,
  change: (records: readonly JournalRecord[]) => readonly JournalRecord[],
): string {
  const path = join(stack.logDir, name)
  writeFileSync(path, encodeGroup(change(readJournal(journal).records)))
  writeFileSync(`${path}.keyrings`, readFileSync(`${journal}.keyrings`))
  return path
}
