import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { MailxError } from '@mailx/errors/mailx-error'

const execute = promisify(execFile)

/** A container engine, by its command-line client. */
export type Engine = {
  readonly client: string
  readonly server: string
  /** Resolves with stdout; rejects with what the client said on stderr. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>
}

/**
 * The engine of the first client on the PATH (or of MAILX_DOCKER) that can build with BuildKit. Throws
 * UNAVAILABLE with a reason for each client, and what helps.
 */
export async function findEngine(): Promise<Engine> {
  const { MAILX_DOCKER: named = '', PATH = '' } = process.env
  const onPath = PATH.split(delimiter).map((folder) => join(folder, 'docker'))
  const candidates = named === '' ? [...new Set(onPath)].filter(existsSync) : [named]
  const reasons: string[] = []
  for (const client of candidates) {
    try {
      return await openEngine(client)
    } catch (error) {
      reasons.push(`${client}: ${error instanceof Error ? error.message.trim() : String(error)}`)
    }
  }
  if (reasons.length === 0) reasons.push('there is no docker on the PATH')
  throw new MailxError(
    'UNAVAILABLE',
    [
      'The image can only be built and tried where a container engine runs:',
      ...reasons.map((reason) => `  - ${reason}`),
      'On Debian and Ubuntu: apt-get install docker.io docker-buildx (docker.io alone up to Debian 12),',
      'then systemctl start docker, or dockerd as root. On macOS: Docker Desktop or colima.',
      'MAILX_DOCKER names a client that is not on the PATH.',
    ].join('\n'),
  )
}

async function openEngine(client: string): Promise<Engine> {
  const run: Engine['run'] = async (args, env = {}) => {
    try {
      const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 }
      return (await execute(client, [...args], options)).stdout
    } catch (error) {
      const { stderr, message } = error as { stderr?: string; message: string }
      throw new MailxError('INTERNAL', stderr?.trim() || message, { cause: error })
    }
  }
  const server = (await run(['version', '--format', '{{.Server.Version}}'])).trim()
  await requireBuildKit(run)
  return { client, server, run }
}

/** Docker's own client builds with BuildKit up to version 22; from 23 on a plug-in does. */
async function requireBuildKit(run: Engine['run']): Promise<void> {
  const version = await run(['version', '--format', '{{.Client.Version}}'])
  const hasPlugin = await run(['buildx', 'version']).then(
    () => true,
    () => false,
  )
  if (!hasPlugin && Number.parseInt(version, 10) >= 23) {
    throw new MailxError('FAILED_PRECONDITION', 'it cannot build with BuildKit: buildx is missing')
  }
}
