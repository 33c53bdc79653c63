import type { Account } from '@mailx/client/account'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Command } from 'commander'
import { toExitCode } from './exit-code.ts'
import { openAccount } from './open-account.ts'
import { createOutput, type Output } from './output.ts'
import { chooseProfile } from './profile.ts'
import { traceCommand } from './trace.ts'

/** Options that every command has. */
export type GlobalOptions = {
  readonly account?: string
  readonly json?: boolean
  readonly quiet?: boolean
}

export type Context = { readonly output: Output; readonly globals: GlobalOptions }

/**
 * Wraps a command's work: one span, one place where errors become one line on stderr (or one JSON
 * object on stdout) and an exit code.
 */
export const run =
  <Args extends unknown[]>(work: (context: Context, ...args: Args) => Promise<void>) =>
  async (...args: [...Args, Command]): Promise<void> => {
    const command = args.at(-1) as Command
    const globals = command.optsWithGlobals<GlobalOptions>()
    const output = createOutput({ json: globals.json ?? false, quiet: globals.quiet ?? false })
    try {
      await traceCommand(command.name(), () =>
        work({ output, globals }, ...(args.slice(0, -1) as Args)),
      )
    } catch (error) {
      fail(error, output)
    }
  }

/** As `run`, with the chosen account opened before and closed after. */
export const runWithAccount = <Args extends unknown[]>(
  work: (context: Context & { readonly account: Account }, ...args: Args) => Promise<void>,
) =>
  run<Args>(async (context, ...args) => {
    const account = await openAccount(await chooseProfile(context.globals.account))
    try {
      await work({ ...context, account }, ...args)
    } finally {
      account.transport.close()
    }
  })

function fail(error: unknown, output: Output): void {
  const { code, message } =
    error instanceof MailxError
      ? error
      : {
          code: 'INTERNAL',
          message: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }
  if (output.json) process.stdout.write(`${JSON.stringify({ error: code, message })}\n`)
  else process.stderr.write(`${output.colours.red('mailx:')} ${message} (${code})\n`)
  process.exitCode = toExitCode(error)
}
