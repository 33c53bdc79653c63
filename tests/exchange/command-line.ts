import { mkdtemp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Stack } from '@mailx/dev-tool/stack'
import { type Outcome, type Running, type RunOptions, run, start } from './programs.ts'

type Answer = Readonly<Record<string, unknown>>

/** One person's way of using `mailx`: an address, a folder for keyrings, an environment. */
export type User = {
  readonly address: string
  readonly home: string
  /** Runs a command and hands out all that it did. */
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>
  /** The text that a command prints. Throws unless it ends with 0. */
  text(...args: readonly string[]): Promise<string>
  /** What a command answers with --json. Throws unless it ends with 0 and prints one line. */
  json<Shape extends object = Answer>(...args: readonly string[]): Promise<Shape>
  /** A command that goes on. */
  start(...args: readonly string[]): Running
}

/** A user of a stack's domains, with an empty folder of keyrings. Nothing is registered yet. */
export async function userOf(
  stack: Stack,
  address: string,
  env: Readonly<Record<string, string>> = {},
): Promise<User> {
  const home = await mkdtemp(join(resolve(stack.logDir), '..', `home-${address}-`))
  const all = { ...stack.clientEnv, MAILX_HOME: home, ...env }
  const withEnv = (options: RunOptions = {}) => ({ ...options, env: { ...all, ...options.env } })
  const runHere = (args: readonly string[], options?: RunOptions) =>
    run('mailx', args, withEnv(options))
  const fine = async (args: readonly string[]) => {
    const outcome = await runHere(args)
    if (outcome.exitCode === 0) return outcome.stdout
    const said = `${outcome.stdout}${outcome.stderr}`
    throw new Error(`mailx ${args.join(' ')} ended with ${outcome.exitCode}: ${said}`)
  }
  return {
    address,
    home,
    run: runHere,
    text: (...args) => fine(args),
    json: async <Shape extends object>(...args: readonly string[]) =>
      JSON.parse(onlyLine(await fine(['--json', ...args]))) as Shape,
    start: (...args) => start('mailx', args, withEnv()),
  }
}

/** As `userOf`, registered, with unprotected keys. */
export async function registered(stack: Stack, address: string): Promise<User> {
  const user = await userOf(stack, address)
  await user.text('register', address, '--unprotected')
  return user
}

function onlyLine(text: string): string {
  const [line = '', ...rest] = text.split('\n')
  if (rest.join('') !== '') throw new Error(`more than one line of JSON: ${text}`)
  return line
}
