import { type ChildProcess, execFile } from 'node:child_process'
import { MailxError } from '@mailx/errors/mailx-error'
import { fromCheckout, type ProgramOf } from './program-of.ts'

/** Runs the command-line client as a person would. */
export type Client = {
  /** Resolves with what it printed to stdout; rejects with what it said went wrong. */
  run(args: readonly string[]): Promise<string>
  /** Starts one that listens, and resolves once it does; `output` resolves when it ends. */
  watch(args: readonly string[]): Promise<{ readonly output: Promise<string> }>
}

const TIMEOUT_MS = 180_000

export function clientWith(
  env: Readonly<Record<string, string>>,
  programOf: ProgramOf = fromCheckout(),
): Client {
  const [file, ...first] = programOf('mailx', env)
  const start = (args: readonly string[], onStarted: (child: ChildProcess) => void) =>
    new Promise<string>((resolve, reject) => {
      // A client that does not end in time does not get to clean up: what hangs may be just that.
      const options = {
        env: { ...process.env, ...env },
        timeout: TIMEOUT_MS,
        killSignal: 'SIGKILL' as const,
      }
      const child = execFile(file, [...first, ...args], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else
          reject(
            new MailxError(
              'INTERNAL',
              `mailx ${args.join(' ')}: ${stderr || stdout || error.message}`,
            ),
          )
      })
      onStarted(child)
    })
  return {
    run: (args) => start(args, () => {}),
    watch: async (args) => {
      const listening = Promise.withResolvers<void>()
      const output = start(args, (child) => {
        child.stderr?.on('data', (text: string) => {
          if (text.includes('watching')) listening.resolve()
        })
      })
      output.catch(listening.reject)
      await listening.promise
      return { output }
    },
  }
}

/** A step of the exchange, as it is shown. */
export type Step = { readonly command: string; readonly output: string }

export type Exchange = { readonly messageId: string; readonly traceId: string }

const SUBJECT = 'Meeting Tomorrow'
const BODY = "Let's meet at 3pm."

/**
 * What the whole thing is for: alice and bob register at their own domains, bob watches, alice writes, bob reads.
 * `show` gets each command with what it printed.
 */
export async function exchangeMessage(
  client: Client,
  people: { readonly from: string; readonly to: string },
  show: (step: Step) => void,
): Promise<Exchange> {
  const { from, to } = people
  const step = async (args: readonly string[]) => {
    const output = await client.run(args)
    show({ command: `mailx ${args.map(quoted).join(' ')}`, output })
    return output
  }
  await Promise.all([
    step(['register', from, '--unprotected']),
    step(['register', to, '--unprotected']),
  ])
  const watch = ['--account', to, 'watch', '--count', '1']
  const watching = await client.watch(watch)
  const send = ['--account', from, 'send', '--to', to, '--subject', SUBJECT, '--body', BODY]
  const sent = JSON.parse(await client.run(['--json', ...send])) as Exchange
  show({ command: `mailx ${send.map(quoted).join(' ')}`, output: `sent ${sent.messageId}\n` })

  show({ command: `mailx ${watch.join(' ')}`, output: await watching.output })
  await step(['--account', to, 'inbox'])
  const read = await step(['--account', to, 'read', sent.messageId])
  await step(['--account', from, 'status', sent.messageId, '--wait', '15'])
  if (!read.includes(SUBJECT) || !read.includes(BODY)) {
    throw new MailxError('INTERNAL', `what ${to} read is not what ${from} wrote:\n${read}`)
  }
  return sent
}

const quoted = (word: string) =>
  /^[\w@.:/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
