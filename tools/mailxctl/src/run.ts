import { MailxError } from '@mailx/errors/mailx-error'
import type { Command } from 'commander'

export type Output = {
  /** One record: a line for people, or the same as one line of JSON. */
  record(data: Readonly<Record<string, unknown>>, text: string): void
}

/** Wraps a command: errors become one line on stderr and exit code 1, `false` becomes exit code 1. */
export const run =
  <Args extends unknown[]>(work: (output: Output, ...args: Args) => Promise<boolean | void>) =>
  async (...args: [...Args, Command]): Promise<void> => {
    const json = (args.at(-1) as Command).optsWithGlobals<{ json?: boolean }>().json ?? false
    const output: Output = {
      record: (data, text) => {
        process.stdout.write(json ? `${JSON.stringify(data, plain)}\n` : `${text}\n`)
      },
    }
    try {
      const fine = await work(output, ...(args.slice(0, -1) as Args))
      if (fine === false) process.exitCode = 1
    } catch (error) {
      const code = error instanceof MailxError ? error.code : 'INTERNAL'
      const message = error instanceof Error ? error.message : String(error)
      if (json) process.stdout.write(`${JSON.stringify({ error: code, message })}\n`)
      else process.stderr.write(`mailxctl: ${message} (${code})\n`)
      process.exitCode = 1
    }
  }

// Positions are numbers to whoever reads the JSON; beyond 2^53 they would lie, so they turn to text.
const plain = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint'
    ? Number.isSafeInteger(Number(value))
      ? Number(value)
      : `${value}`
    : value
