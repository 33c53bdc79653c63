import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseId } from '@mailx/crypto/uuid'
import type { Stack } from '@mailx/dev-tool/stack'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { registered, type User, userOf } from './command-line.ts'
import { databaseOf, deploymentOf, flipped, tamper } from './database.ts'
import { patience, testStack } from './people.ts'
import { run } from './programs.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let stack: Stack
let alice: User
let guarded: User
let tooLarge: string

beforeAll(async () => {
  stack = await testStack('exit-codes', { a: ['a.test'] })
  guarded = await userOf(stack, 'bob@a.test', { MAILX_PASSPHRASE: 'correct horse' })
  ;[alice] = await Promise.all([
    registered(stack, 'alice@a.test'),
    guarded.text('register', 'bob@a.test'),
  ])
  tooLarge = join(alice.home, 'large.bin')
  await writeFile(tooLarge, '')
  await truncate(tooLarge, 25 * 1024 * 1024 + 1)
})

afterAll(() => stack.stop())

type Case = readonly [code: number, said: RegExp, args: readonly string[]]
const toAlice = ['send', '--to', 'alice@a.test']

test.each<Case>([
  [2, /unknown command 'sendd'[\s\S]*Did you mean send/, ['sendd']],
  [2, /required option '-t, --to/, ['send', '--body', 'x']],
  [2, /unknown option '--wat'/, [...toAlice, '--wat']],
  [2, /whole number from 1 to 86400/, ['inbox', '--wait', '0']],
  [2, /\(INVALID_ADDRESS\)/, ['send', '--to', 'alice at a.test', '--body', 'x']],
  [2, /give --body or --body-file, not both/, [...toAlice, '--body', 'x', '--body-file', 'y']],
  [3, /nobody@a\.test.*\(NOT_FOUND\)/, ['send', '--to', 'nobody@a.test', '--body', 'x']],
  [3, /nowhere\.test.*\(DOMAIN_NOT_FOUND\)/, ['send', '--to', 'a@nowhere.test', '--body', 'x']],
  [3, /cannot read \/nothing: ENOENT/, [...toAlice, '--body-file', '/nothing']],
  [3, /cannot read \/nothing: ENOENT/, [...toAlice, '--body', 'x', '--attach', '/nothing']],
  [3, /no message 00000000/, ['read', '00000000']],
  [5, /taken.*\(ALREADY_EXISTS\)/, ['register', 'bob@a.test', '--unprotected']],
  [5, /large\.bin has 26214401 bytes/, [...toAlice, '--body', 'x', '--attach', 'LARGE']],
])('exit code %i, saying %s', async (exitCode, said, args) => {
  const outcome = await alice.run(args.map((arg) => (arg === 'LARGE' ? tooLarge : arg)))
  expect(outcome).toMatchObject({ exitCode, stdout: '' })
  expect(outcome.stderr).toMatch(said)
  expect(outcome.stderr).not.toMatch(/^ +at /m)
})

test('registering again changes nothing, and a refused registration leaves no account', async () => {
  const keyring = join(alice.home, 'alice@a.test', 'keyring.json')
  const before = await readFile(keyring, 'utf8')
  expect(await alice.text('register', 'alice@a.test')).toMatch(/with the keyring that was here/)
  expect(await readFile(keyring, 'utf8')).toBe(before)
  expect(await alice.text('inbox')).toBe('no messages\n')
})

test('an account that does not open is 4', async () => {
  const stranger = await userOf(stack, 'nobody@a.test')
  const outcomes = await Promise.all([
    guarded.run(['inbox'], { env: { MAILX_PASSPHRASE: 'wrong' } }),
    guarded.run(['inbox'], { env: { MAILX_PASSPHRASE: '' } }),
    stranger.run(['inbox']),
    stranger.run(['--account', 'nobody@a.test', 'inbox']),
    guarded.run(['inbox']),
  ])
  expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([4, 4, 4, 4, 0])
  const said = [
    /passphrase/,
    /set MAILX_PASSPHRASE_FILE/,
    /no account here/,
    /no keyring of nobody/,
  ]
  for (const [index, words] of said.entries()) expect(outcomes[index]?.stderr).toMatch(words)
})

test('of several accounts one must be named: 2', async () => {
  await alice.text('register', 'second@a.test', '--unprotected')
  const outcome = await alice.run(['inbox'])
  expect(outcome).toMatchObject({ exitCode: 2 })
  expect(outcome.stderr).toContain('--account (alice@a.test, second@a.test)')
  expect(await alice.text('--account', 'second@a.test', 'inbox')).toBe('no messages\n')
})

test('with --json an error is one JSON object on stdout, with the same exit code', async () => {
  const args = [
    '--json',
    '--account',
    'alice@a.test',
    'send',
    '--to',
    'nobody@a.test',
    '--body',
    'x',
  ]
  const { exitCode, stderr, stdout } = await alice.run(args)
  expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: '' })
  expect(JSON.parse(stdout)).toEqual({
    error: 'NOT_FOUND',
    message: expect.stringContaining('nobody@a.test'),
  })
})

test('a message that was tampered with is 7, and shows nothing', async () => {
  const as = ['--account', 'alice@a.test']
  const to = ['send', '--to', 'alice@a.test', '--subject', 'Secret', '--body', 'plan']
  const { messageId } = await alice.json<{ messageId: string }>(...as, ...to)
  const database = databaseOf(deploymentOf(stack, 'a'))
  const message = { mailbox: 'alice@a.test', id: parseId(messageId) }
  await eventually(() => tamper(database, message, 'content', flipped), patience)
  const read = await alice.run([...as, 'read', messageId])
  expect(read).toMatchObject({ exitCode: 7, stdout: '' })
  expect(read.stderr).toContain('(BAD_CONTENT)')
  const inbox = await alice.text(...as, 'inbox', '--all')
  expect(inbox).toContain('(not shown: BAD_CONTENT)')
  expect(`${inbox}${read.stderr}`).not.toMatch(/Secret|plan/)
  await database.end()
})

test('a domain that shows another key than before is 7', async () => {
  const file = join(guarded.home, 'bob@a.test', 'trust.json')
  const trust = await readFile(file, 'utf8')
  const { domains } = JSON.parse(trust) as { domains: Record<string, { publicKey: string }> }
  const pinned = domains['a.test']?.publicKey ?? ''
  await writeFile(file, trust.replaceAll(pinned, Buffer.alloc(32, 9).toString('base64')))
  const outcome = await guarded.run(['send', '--to', 'alice@a.test', '--body', 'x'])
  expect(outcome).toMatchObject({ exitCode: 7, stdout: '' })
  await writeFile(file, trust)
})

test('every command explains itself, with an example', async () => {
  const help = (await run('mailx', ['--help'])).stdout
  for (const part of ['Examples:', 'Environment:', 'Exit codes:']) expect(help).toContain(part)
  const names = [...help.matchAll(/^ {2}([a-z]+)(?: \[| <)/gm)].map(([, name]) => name ?? '')
  const known = ['register', 'recover', 'send', 'inbox', 'read', 'reply', 'status', 'keys', 'watch']
  expect(names).toEqual(expect.arrayContaining([...known, 'flag', 'delete']))
  const pages = await Promise.all(known.map((name) => run('mailx', [name, '--help'])))
  for (const [index, { exitCode, stdout }] of pages.entries()) {
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(new RegExp(`Examples?:\n(.*\\| )?  mailx.* ${known[index]}`))
  }
})

describe('out of reach at the moment is 6:', () => {
  const said = (stderr: string) =>
    /\((UNAVAILABLE|DISCOVERY_FAILED|DEADLINE_EXCEEDED)\)/.test(stderr)

  test('DNS', async () => {
    const env = { MAILX_DNS_RESOLVER: '127.0.0.1:9' }
    const { exitCode, stderr } = await guarded.run(['inbox'], { env })
    expect([exitCode, said(stderr)]).toEqual([6, true])
  })

  test('the server, until it is back', async () => {
    const server = deploymentOf(stack, 'a')
    await server.stop()
    const { exitCode, stderr } = await guarded.run(['inbox'])
    expect([exitCode, said(stderr)]).toEqual([6, true])
    await server.restart()
    expect(await guarded.text('inbox')).toBe('no messages\n')
  })
})
