import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Engine } from './engine.ts'

const execute = promisify(execFile)
const PULL_WITHIN_MS = 120_000

/**
 * Sees to it that the engine has the base image: it may have it, or get it from a registry; else one
 * is made here from Debian's packages and the Node of this project, and bears the same name. Resolves
 * with which of the three it was. Making one takes root, and debootstrap.
 */
export const provideBaseImage = (engine: Engine, name: string): Promise<string> =>
  provideImage(engine, name, async () => {
    await makeBaseImage(engine, name)
    return `made here from Debian's packages and Node ${process.version}, for it cannot be pulled`
  })

/** The image is there, or is pulled, or made by `make`, which says how; resolves with which of the three. */
export async function provideImage(
  engine: Engine,
  name: string,
  make: () => Promise<string>,
): Promise<string> {
  if ((await engine.run(['images', '--quiet', name])).trim() !== '') return 'the engine has it'
  const pulled = execute(engine.client, ['pull', '--quiet', name], { timeout: PULL_WITHIN_MS })
  const problem = await pulled.then(
    () => undefined,
    ({ stderr, message }: { stderr?: string; message: string }) => stderr?.trim() || message,
  )
  if (problem === undefined) return 'pulled'
  return make().catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    throw new MailxError(
      'UNAVAILABLE',
      `The image ${name} can neither be pulled (${problem}) nor be made here (${why})`,
      { cause: error },
    )
  })
}

async function makeBaseImage(engine: Engine, name: string): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new MailxError('FAILED_PRECONDITION', 'that takes root on Linux')
  }
  const suite = /-(bookworm|trixie)-slim$/.exec(name)?.[1] ?? 'bookworm'
  const folder = await mkdtemp(join(tmpdir(), 'mailx-base-'))
  try {
    const options = ['--variant=minbase', '--include=ca-certificates,libstdc++6,libatomic1']
    await execute('debootstrap', [...options, suite, folder, ...mirror()], {
      maxBuffer: 64 * 1024 * 1024,
    }).catch((error: NodeJS.ErrnoException) => {
      const hint = error.code === 'ENOENT' ? 'apt-get install debootstrap' : error.message
      throw new MailxError('UNAVAILABLE', hint, { cause: error })
    })
    for (const emptied of ['var/cache/apt/archives', 'var/lib/apt/lists', 'var/log']) {
      for (const entry of readdirSync(join(folder, emptied))) {
        await rm(join(folder, emptied, entry), { recursive: true })
      }
    }
    cpSync(process.execPath, join(folder, 'usr/local/bin/node'), { dereference: true })
    cpSync(npmFolder(), join(folder, 'usr/local/lib/node_modules/npm'), { recursive: true })
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(folder, 'usr/local/bin/npm'))
    await importFolder(engine, folder, name)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A folder becomes an image of one layer. */
async function importFolder(engine: Engine, folder: string, name: string): Promise<void> {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const changes = [`ENV PATH=${path}`, 'CMD ["node"]'].flatMap((line) => ['--change', line])
  const tar = spawn('tar', ['--numeric-owner', '-C', folder, '-c', '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const load = spawn(engine.client, ['import', ...changes, '-', name], {
    stdio: [tar.stdout, 'ignore', 'inherit'],
  })
  const [[packed], [loaded]] = await Promise.all([once(tar, 'exit'), once(load, 'exit')])
  if (packed !== 0 || loaded !== 0) throw new MailxError('INTERNAL', 'docker import failed')
}

/** Where this machine gets its packages, as an argument for debootstrap, which knows Debian's own. */
function mirror(): string[] {
  const files = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']
  for (const file of files.filter(existsSync)) {
    const text = readFileSync(file, 'utf8')
    const found = /^(?:URIs:|deb(?: \[.*?\])?)\s+(https?:\S+)/m.exec(text)?.[1]
    if (found !== undefined) return [found]
  }
  return []
}

/** The npm that runs this, or the one that belongs to the first on the PATH. */
function npmFolder(): string {
  const { npm_execpath: cli = '', PATH = '' } = process.env
  const beside = PATH.split(':').map((folder) => join(folder, '../lib/node_modules/npm'))
  const candidates = cli.endsWith('npm-cli.js') ? [dirname(dirname(cli)), ...beside] : beside
  const found = candidates.find((folder) => existsSync(join(folder, 'bin/npm-cli.js')))
  if (found === undefined) throw new MailxError('NOT_FOUND', 'npm is not on the PATH')
  return found
}
