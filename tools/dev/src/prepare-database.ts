import { execFile } from 'node:child_process'
import { appendFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { MailxError } from '@mailx/errors/mailx-error'
import { fromCheckout } from './program-of.ts'
import { type ProcessPlan, root } from './service-process.ts'

const run = promisify(execFile)

/** Runs `prepare-database` to its end. UNAVAILABLE when it fails; what it says is added to its log. */
export async function prepareDatabase(
  plan: Omit<ProcessPlan, 'name' | 'instance' | 'opsPort'>,
): Promise<void> {
  const { env, logFile, tree = root, bundled = false } = plan
  const { programOf = fromCheckout(tree, bundled) } = plan
  const [file, ...args] = programOf('all-in-one', env)
  const options = { cwd: tree, env: { ...process.env, ...env } }
  const done = run(file, [...args, 'prepare-database'], options)
  const { stdout, stderr } = await done.catch((error: { stdout: string; stderr: string }) => error)
  await appendFile(logFile, stdout + stderr)
  await done.catch((error: unknown) => {
    const text = `the database could not be prepared; the log is ${logFile}`
    throw new MailxError('UNAVAILABLE', text, { cause: error })
  })
}
