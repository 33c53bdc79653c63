import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Engine } from './engine.ts'

const execute = promisify(execFile)
const root = new URL('../../..', import.meta.url).pathname

export type Source = {
  readonly epoch: number
  readonly revision: string
  readonly version: string
}

/** The commit that is checked out, its time in seconds and its hash, and the version of the release. */
export async function sourceOf(): Promise<Source> {
  const { stdout } = await execute('git', ['log', '-1', '--format=%ct %H'], { cwd: root })
  const [time = '0', revision = 'unknown'] = stdout.trim().split(' ')
  const chart = readFileSync(join(root, 'charts/mailx/Chart.yaml'), 'utf8')
  const version = /^appVersion: (\S+)$/m.exec(chart)?.[1]
  if (version === undefined) throw new MailxError('NOT_FOUND', 'Chart.yaml names no appVersion')
  return { epoch: Number(time), revision, version }
}

/**
 * Builds the Dockerfile at the top under the name `tag`; `fresh` uses nothing of earlier builds.
 * How npm reaches its registry within the build is what npm is configured with here: its file goes
 * in as a secret of the build, of which nothing stays in the image.
 */
export async function buildImage(
  engine: Engine,
  input: Source & { readonly tag: string; readonly base: string; readonly fresh: boolean },
): Promise<void> {
  const secrets = await mkdtemp(join(tmpdir(), 'mailx-build-'))
  try {
    const npmrc = join(secrets, 'npmrc')
    await writeFile(npmrc, npmConfig(), { mode: 0o600 })
    const { NODE_EXTRA_CA_CERTS: ca = '' } = process.env
    const args = {
      NODE_IMAGE: input.base,
      SOURCE_DATE_EPOCH: String(input.epoch),
      MAILX_VERSION: input.version,
      MAILX_REVISION: input.revision,
      MAILX_CREATED: new Date(input.epoch * 1000).toISOString(),
    }
    await engine.run(
      [
        'build',
        '--network=host',
        `--tag=${input.tag}`,
        `--secret=id=npmrc,src=${npmrc}`,
        ...(existsSync(ca) ? [`--secret=id=ca,src=${ca}`] : []),
        ...(input.fresh ? ['--no-cache'] : []),
        ...Object.entries(args).map(([name, value]) => `--build-arg=${name}=${value}`),
        root,
      ],
      { DOCKER_BUILDKIT: '1' },
    )
  } finally {
    await rm(secrets, { recursive: true })
  }
}

/** The user's npm configuration and what the environment adds, without paths of this machine. */
function npmConfig(): string {
  const { npm_config_userconfig: named, HOME = '', ...env } = process.env
  const file = named ?? join(HOME, '.npmrc')
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  const proxies = { 'https-proxy': env.HTTPS_PROXY, proxy: env.HTTP_PROXY, noproxy: env.NO_PROXY }
  const added = { registry: env.npm_config_registry, ...proxies }
  return [
    ...lines.filter((line) => !/^\s*(?:cafile|cache|prefix|nodedir|tmp)\s*=/.test(line)),
    ...Object.entries(added).flatMap(([name, value]) => (value ? [`${name}=${value}`] : [])),
    '',
  ].join('\n')
}
