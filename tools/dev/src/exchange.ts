import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { MailxError } from '@mailx/errors/mailx-error'

const run = promisify(execFile)
const cli = new URL('../../mailx/src/main.ts', import.meta.url).pathname

/** Runs the command-line client as a person would and returns what it printed to stdout. */
export type Client = (args: readonly string[]) => Promise<string>

export const clientWith =
  (env: Readonly<Record<string, string>>): Client =>
  async (args) => {
    try {
      const { stdout } = await run(process.execPath, [cli, ...args], {
        env: { ...process.env, ...env },
        timeout: 60_000,
      })
      return stdout
    } catch (error) {
      const { stderr, stdout } = error as { stderr?: string; stdout?: string }
      throw new MailxError(
        'INTERNAL',
        `mailx ${args.join(' ')} failed: ${stderr || stdout || String(error)}`,
      )
    }
  }

/** A step of the exchange, as it is shown. */
export type Step = { readonly command: string; readonly output: string }

export type Exchange = { readonly messageId: string; readonly traceId: string }

const SUBJECT = 'Meeting Tomorrow'
const BODY = "Let's meet at 3pm."

/**
 * What the whole thing is for: alice and bob register at their own domains, alice writes, bob reads.
 * `show` gets each command with what it printed.
 */
export async function exchangeMessage(
  client: Client,
  people: { readonly from: string; readonly to: string },
  show: (step: Step) => void,
): Promise<Exchange> {
  const { from, to } = people
  const step = async (args: readonly string[]) => {
    const output = await client(args)
    show({ command: `mailx ${args.map(quoted).join(' ')}`, output })
    return output
  }
  await Promise.all([
    step(['register', from, '--unprotected']),
    step(['register', to, '--unprotected']),
  ])
  const send = ['--account', from, 'send', '--to', to, '--subject', SUBJECT, '--body', BODY]
  const sent = JSON.parse(await client(['--json', ...send])) as Exchange
  show({ command: `mailx ${send.map(quoted).join(' ')}`, output: `sent ${sent.messageId}\n` })

  await step(['--account', to, 'inbox', '--wait', '15'])
  const read = await step(['--account', to, 'read', sent.messageId])
  await step(['--account', from, 'status', sent.messageId, '--wait', '15'])
  if (!read.includes(SUBJECT) || !read.includes(BODY)) {
    throw new MailxError('INTERNAL', `what ${to} read is not what ${from} wrote:\n${read}`)
  }
  return sent
}

const quoted = (word: string) =>
  /^[\w@.:/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
