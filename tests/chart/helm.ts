import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chartDir } from '@mailx/chart-tool/chart-files'
import { stringify } from 'yaml'
import { findProgram } from './packaged-program.ts'

/** What a rendering is made with, besides the chart. Later values win over earlier ones. */
export type RenderOptions = {
  /** Files of values, objects of values, or both. */
  readonly values?: readonly (string | object)[]
  readonly release?: string
  readonly namespace?: string
  /** Kinds that the cluster knows, as "monitoring.coreos.com/v1/ServiceMonitor". */
  readonly apis?: readonly string[]
  readonly showOnly?: string
  readonly kubernetes?: string
}

const [, oldest = ''] =
  /^kubeVersion: ">=(\d+\.\d+\.\d+)/m.exec(readFileSync(join(chartDir, 'Chart.yaml'), 'utf8')) ?? []

/** The oldest that Chart.yaml names, and the newest whose fields the models here know. */
export const kubernetesVersions: readonly string[] = [oldest, '1.36.0']

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
  const { kubernetes = '1.33.0' } = options
  return helm([
    'template',
    release,
    chartDir,
    '--namespace',
    namespace,
    '--kube-version',
    kubernetes,
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
  const { stdout } = await run(findProgram('helm'), args, { env, maxBuffer: 64 * 1024 * 1024 })
  return stdout
}
