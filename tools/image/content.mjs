// Lays out what the image holds besides Node: node tools/image/content.mjs <folder>. Writes the
// bundled programs, and a package.json with its lock that name only the npm packages these programs
// reach, at the versions and checksums of the project's own lock: `npm ci` there does the rest.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, resolve } from 'node:path'
import { bundle } from '../bundle.mjs'

const root = join(import.meta.dirname, '../..')
const outdir = resolve(process.argv[2] ?? 'dist')
const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'))
const lock = readJson('package-lock.json')
const tools = ['mailx', 'mailxctl']

mkdirSync(outdir, { recursive: true })
const reached = await bundle(programs(), join(outdir, 'app'))
const { packages, dependencies } = lockOf(reached)
const { license } = readJson('package.json')
const own = { name: 'mailx', version: process.env.MAILX_VERSION || '0.0.0', license }
writeJson('package.json', { ...own, private: true, type: 'module', dependencies })
const { lockfileVersion } = lock
const top = { ...own, dependencies }
writeJson('package-lock.json', { ...own, lockfileVersion, packages: { '': top, ...packages } })
cpSync(join(import.meta.dirname, 'launch.mjs'), join(outdir, 'app/launch.mjs'))
for (const name of tools) writeProgram(name)

function programs() {
  const folders = [
    ...readdirSync(join(root, 'services')).map((name) => [name, `services/${name}`]),
    ...tools.map((name) => [name, `tools/${name}`]),
  ]
  return Object.fromEntries(
    folders
      .map(([name, folder]) => [name, join(root, folder, 'src/main.ts')])
      .filter(([, file]) => existsSync(file)),
  )
}

/** The part of the lock that the imports need, with packages of workspaces moved to the top. */
function lockOf(imports) {
  const taken = {}
  const wanted = {}
  const places = new Map()
  const take = (place) => {
    const target = place.replace(/^(?:libs|services|tools|proto)\/.*?(?=node_modules\/)/, '')
    if (places.get(target) === place) return
    const { dev: _, devOptional: __, ...entry } = lock.packages[place]
    const { version: other = entry.version } = taken[target] ?? {}
    if (other !== entry.version) {
      throw new Error(
        `${target} is wanted as ${other} and as ${entry.version}: bring them together`,
      )
    }
    places.set(target, place)
    taken[target] = entry
    const { peerDependenciesMeta: optionalPeers = {}, optionalDependencies = {} } = entry
    const needed = { ...entry.dependencies, ...optionalDependencies, ...entry.peerDependencies }
    for (const name of Object.keys(needed)) {
      const found = locate(place, name)
      if (found !== undefined) take(found)
      else if (!(name in optionalDependencies) && !optionalPeers[name]?.optional) {
        throw new Error(`${name}, which ${place} needs, is not in package-lock.json`)
      }
    }
  }
  for (const { path, importer } of imports) {
    const name = path.split('/', path.startsWith('@') ? 2 : 1).join('/')
    if (isBuiltin(path)) continue
    const found = locate(importer, name)
    if (found === undefined) throw new Error(`${importer} imports ${name}, which is not locked`)
    wanted[name] = lock.packages[found].version
    take(found)
  }
  return { packages: sorted(taken), dependencies: sorted(wanted) }
}

/** Where Node finds the package `name` from a file or package at `place`. */
function locate(place, name) {
  const parts = place.split('/')
  for (let length = parts.length; length >= 0; length--) {
    const candidate = [...parts.slice(0, length), 'node_modules', name].join('/')
    if (lock.packages[candidate] !== undefined) return candidate
  }
  return undefined
}

/** So that a tool can be called by its name in a container that runs something else. */
function writeProgram(name) {
  const file = join(outdir, 'bin', name)
  mkdirSync(join(outdir, 'bin'), { recursive: true })
  writeFileSync(file, `#!/bin/sh\nulimit -c 0\nexec node /opt/mailx/app/launch.mjs ${name} "$@"\n`)
  chmodSync(file, 0o755)
}

function sorted(record) {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function writeJson(name, value) {
  writeFileSync(join(outdir, name), `${JSON.stringify(value, null, 2)}\n`)
}
