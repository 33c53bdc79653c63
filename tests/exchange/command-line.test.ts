import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes } from '@mailx/crypto/random'
import type { Stack } from '@mailx/dev-tool/stack'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { registered, type User, userOf } from './command-line.ts'
import { patience, testStack } from './people.ts'
import { startCommand } from './programs.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let stack: Stack
let alice: User
let bob: User
let carol: User
let secretFile: string

beforeAll(async () => {
  stack = await testStack('command-line', { a: ['a.test'], b: ['b.test'] })
  secretFile = join(stack.logDir, '..', 'passphrase')
  await writeFile(secretFile, 'correct horse battery staple\n')
  bob = await userOf(stack, 'bob@b.test', { MAILX_PASSPHRASE_FILE: secretFile })
  ;[alice, carol] = await Promise.all([
    registered(stack, 'alice@a.test'),
    registered(stack, 'carol@b.test'),
    bob.text('register', 'bob@b.test', '--device', 'desk'),
  ])
})

afterAll(() => stack.stop())

type Sent = { readonly messageId: string; readonly acceptedAt: string; readonly traceId: string }
type Inbox = {
  readonly messages: readonly {
    readonly id: string
    readonly from: string
    readonly subject: string
    readonly flags: readonly string[]
    readonly attachments: number
  }[]
}
type Read = {
  readonly messageId: string
  readonly subject: string
  readonly body: string
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly saved: readonly string[]
}

const send = (from: User, ...args: readonly string[]) => from.json<Sent>('send', ...args)

/** Waits until the message is in the mailbox, and reads it. */
const read = (user: User, { messageId }: Sent, ...args: readonly string[]) =>
  eventually(() => user.json<Read>('read', messageId, ...args), patience)

/** What `helm test` runs, with the client of this checkout. */
const selfTest = (domain: string) => {
  const root = join(import.meta.dirname, '../..')
  const client = `${process.execPath} ${join(root, 'tools/mailx/src/main.ts')}`
  const env = { ...stack.clientEnv, DOMAIN: domain, MAILX: client }
  return startCommand([process.execPath, join(root, 'charts/mailx/files/self-test.mjs')], { env })
    .ended
}

test('the self-test of a release writes to itself and reads it, or says which step failed', async () => {
  const fine = await selfTest('a.test')
  expect(fine).toMatchObject({ exitCode: 0, stderr: '' })
  expect(fine.stdout).toMatch(/is registered.*\n.*is accepted.*\nit was delivered.*\n$/)
  const lost = await selfTest('c.test')
  expect(lost).toMatchObject({ exitCode: 1, stdout: '' })
  expect(lost.stderr).toContain('there is no domain c.test')
})

test('keys lie under a passphrase, or in the open when that is asked for, for their owner alone', async () => {
  for (const [user, isProtected] of [
    [bob, true],
    [alice, false],
  ] as const) {
    const folder = join(user.home, user.address)
    const files = await readdir(folder)
    expect(files).toContain('keyring.json')
    for (const file of files) expect((await stat(join(folder, file))).mode & 0o077).toBe(0)
    const keyring = await readFile(join(folder, 'keyring.json'), 'utf8')
    expect(keyring.includes('signingSeed')).toBe(!isProtected)
  }
})

test('a text comes from an argument, a file or stdin', async () => {
  const file = join(alice.home, 'text.txt')
  await writeFile(file, 'from a file\n')
  const to = ['--to', 'carol@b.test']
  const piped = ['--json', 'send', ...to, '--subject', 'three']
  const sent = [
    await send(alice, ...to, '--subject', 'one', '--body', 'from an argument'),
    await send(alice, ...to, '--subject', 'two', '--body-file', file),
    JSON.parse((await alice.run(piped, { input: 'from stdin\n' })).stdout) as Sent,
  ]
  const texts = ['from an argument', 'from a file\n', 'from stdin\n']
  for (const [index, message] of sent.entries()) {
    expect((await read(carol, message)).body).toBe(texts[index])
  }
})

test('Cc is seen by all, Bcc by nobody, and attachments come out as they went in', async () => {
  const dave = await registered(stack, 'dave@a.test')
  const [small, large] = [randomBytes(1000), randomBytes(700_000)]
  const paths = [join(alice.home, 'small.png'), join(alice.home, 'large.bin')]
  await Promise.all([writeFile(paths[0] ?? '', small), writeFile(paths[1] ?? '', large)])
  const recipients = ['--to', 'bob@b.test', '--cc', 'carol@b.test', '--bcc', 'dave@a.test']
  const subject = ['--subject', 'Files', '--body', 'Two of them.']
  const sent = await send(alice, ...recipients, ...subject, '--attach', ...paths)

  const folder = join(bob.home, 'files')
  const saved = await read(bob, sent, '--save', folder)
  expect(saved).toMatchObject({ to: ['bob@b.test'], cc: ['carol@b.test'], from: 'alice@a.test' })
  expect(saved.saved).toEqual([join(folder, 'small.png'), join(folder, 'large.bin')])
  expect(new Uint8Array(await readFile(join(folder, 'small.png')))).toEqual(small)
  expect(new Uint8Array(await readFile(join(folder, 'large.bin')))).toEqual(large)
  const again = await bob.run(['read', sent.messageId, '--save', folder])
  expect(again).toMatchObject({ exitCode: 5, stdout: '' })

  for (const user of [dave, carol]) {
    await read(user, sent)
    const text = await user.text('read', sent.messageId)
    expect(text).toMatch(/^Cc +carol@b\.test$/m)
    expect(text).not.toContain('dave')
  }
  const status = await alice.text('status', sent.messageId, '--wait', '30')
  for (const address of ['bob@b.test', 'carol@b.test', 'dave@a.test']) {
    expect(status).toMatch(new RegExp(`${address} +delivered`))
  }
})

test('an answer goes to the sender or to all, and quotes', async () => {
  const to = ['--to', 'bob@b.test', 'carol@b.test']
  const sent = await send(alice, ...to, '--subject', 'Lunch?', '--body', 'Today\nat noon?')
  await read(bob, sent)
  const answer = ['reply', sent.messageId, '--all', '--quote', '--body', 'Gladly.']
  const reply = await bob.json<Sent>(...answer)
  for (const user of [alice, carol]) {
    const { body, ...shown } = await read(user, reply)
    const cc = ['carol@b.test']
    expect(shown).toMatchObject({ subject: 'Re: Lunch?', to: ['alice@a.test'], cc })
    expect(body).toMatch(/^Gladly\.\n\nalice@a\.test wrote on .+:\n> Today\n> at noon\?$/)
  }
  await read(carol, sent)
  const alone = await carol.json<Sent>('reply', sent.messageId, '--body', 'Not me.')
  expect(await read(alice, alone)).toMatchObject({ subject: 'Re: Lunch?', cc: [], body: 'Not me.' })
})

test('keys are the same from everywhere, and a comparison of them is remembered', async () => {
  type Keys = {
    readonly fingerprint: string
    readonly verified: boolean
    readonly devices: object[]
  }
  const [own, seen] = await Promise.all([
    bob.json<Keys>('keys'),
    alice.json<Keys>('keys', 'bob@b.test', '--verified'),
  ])
  expect(seen.fingerprint).toBe(own.fingerprint)
  expect(own.fingerprint).toMatch(/^([0-9a-f]{4} ){9}[0-9a-f]{4}$/)
  expect(seen.devices).toMatchObject([{ name: 'desk' }, { name: 'mailbox' }])
  expect(await alice.json<Keys>('keys', 'bob@b.test')).toMatchObject({ verified: true })
})

test('watch shows messages and delivery states while they come, until Ctrl-C', async () => {
  const [receiving, sending] = [carol.start('watch', '--count', '2'), alice.start('watch')]
  for (const { written } of [receiving, sending]) {
    await eventually(() => written.stderr.includes('watching'), patience)
  }
  const to = ['--to', 'carol@b.test', '--body', '']
  const sent = [
    await send(alice, ...to, '--subject', 'First'),
    await send(alice, ...to, '--subject', 'Second'),
  ]
  const { exitCode, stdout } = await receiving.ended
  expect(exitCode).toBe(0)
  const [one, two] = sent.map(({ messageId }) => messageId.slice(-8))
  expect(stdout).toBe(`${one}  alice@a.test  First\n${two}  alice@a.test  Second\n`)
  await eventually(
    () =>
      [one, two].every((id) => sending.written.stdout.includes(`${id}  carol@b.test  delivered`)),
    patience,
  )
  sending.process.kill('SIGINT')
  expect((await sending.ended).exitCode).toBe(0)
})

test('flags and deletions show in the inbox', async () => {
  const sent = await send(alice, '--to', 'carol@b.test', '--subject', 'Flags', '--body', '')
  const id = sent.messageId.slice(-8)
  await read(carol, sent, '--keep-unread')
  const inbox = async (...args: readonly string[]) =>
    (await carol.json<Inbox>('inbox', ...args)).messages.find(
      ({ id: one }) => one === sent.messageId,
    )
  expect(await inbox('--unread')).toMatchObject({ subject: 'Flags', flags: [] })
  expect(await carol.text('flag', id, '--add', 'flagged', 'seen')).toBe(`${id}  flagged seen\n`)
  expect(await inbox('--unread')).toBeUndefined()
  expect(await carol.text('flag', id, '--remove', 'flagged')).toBe(`${id}  seen\n`)
  expect(await carol.text('inbox', '--limit', '1')).toMatch(new RegExp(`^  ${id}  .*Flags\n$`))
  expect(await carol.json('delete', id)).toEqual({ deleted: [sent.messageId] })
  expect(await inbox('--all')).toBeUndefined()
})

test('colours are for terminals: FORCE_COLOR brings them, NO_COLOR takes them away', async () => {
  const coloured = async (env: Record<string, string>) =>
    (await carol.run(['inbox', '--limit', '1'], { env })).stdout.includes('\u001b[')
  const wanted = [{}, { FORCE_COLOR: '1' }, { FORCE_COLOR: '1', NO_COLOR: '1' }]
  expect(await Promise.all(wanted.map(coloured))).toEqual([false, true, false])
})

test('a recovery code brings an account back, its mail included, and locks the lost device out', async () => {
  const erin = await userOf(stack, 'erin@a.test')
  const registering = erin.json<{ recoveryCode: string }>(
    'register',
    'erin@a.test',
    '--unprotected',
  )
  const { recoveryCode } = await registering
  const sent = await send(alice, '--to', 'erin@a.test', '--subject', 'Keep', '--body', 'this')
  await read(erin, sent)

  const anew = await userOf(stack, 'erin@a.test')
  const mistyped = recoveryCode.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))
  const recover = ['recover', 'erin@a.test', '--unprotected', '--revoke-others', '--code']
  expect(await anew.run([...recover, mistyped])).toMatchObject({ exitCode: 2 })
  await anew.text(...recover, recoveryCode)
  expect((await read(anew, sent)).body).toBe('this')
  await eventually(async () => expect((await erin.run(['inbox'])).exitCode).toBe(4), patience)
})
