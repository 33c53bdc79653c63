// The last step on what the image holds: node tools/image/finish.mjs <folder> < bom. Takes away what
// does not run, writes the bill of materials with Node and Debian's packages added to npm's, and gives
// every file the time SOURCE_DATE_EPOCH, so that the same sources give the same bytes.
import { lutimesSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const folder = resolve(process.argv[2] ?? '.')
const epoch = Number(process.env.SOURCE_DATE_EPOCH)
if (!Number.isSafeInteger(epoch)) throw new Error('SOURCE_DATE_EPOCH is not a number of seconds')

const modules = join(folder, 'node_modules')
const needless = /\.(?:[cm]?ts|map|md|markdown|tsbuildinfo)$/
const { platform, arch } = process
const isOfOtherPlatform = (path) =>
  /\/prebuilds\/[^/]+$/.test(path) && !path.endsWith(`/${platform}-${arch}`)

rmSync(join(modules, '.bin'), { recursive: true, force: true })
rmSync(join(modules, '.package-lock.json'), { force: true })
strip(modules)
writeFileSync(join(folder, 'sbom.cdx.json'), `${JSON.stringify(materials(), null, 2)}\n`)
date(folder)

function strip(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory() && isOfOtherPlatform(path)) rmSync(path, { recursive: true })
    else if (entry.isDirectory()) strip(path)
    else if (needless.test(entry.name)) rmSync(path)
  }
}

/** CycloneDX 1.5, without what differs from one run to the next. */
function materials() {
  const {
    serialNumber: _,
    metadata,
    components,
    dependencies,
    ...rest
  } = JSON.parse(readFileSync(0, 'utf8'))
  const subject = { ...metadata.component, type: 'application', name: 'mailx' }
  const timestamp = new Date(epoch * 1000).toISOString()
  return {
    ...rest,
    metadata: { ...metadata, timestamp, component: subject },
    components: [...components, node(), ...debian()],
    dependencies,
  }
}

function node() {
  const version = process.versions.node
  return component('application', 'node', version, `pkg:generic/node@${version}`, 'MIT')
}

function debian() {
  const release = readFileSync('/etc/os-release', 'utf8').match(/^VERSION_ID="?([^"\n]+)/m)?.[1]
  return readFileSync('/var/lib/dpkg/status', 'utf8')
    .split('\n\n')
    .filter((paragraph) => /^Status: install ok installed$/m.test(paragraph))
    .map((paragraph) => {
      const field = (name) => paragraph.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1] ?? ''
      const [name, version] = [field('Package'), field('Version')]
      const distro = `arch=${field('Architecture')}&distro=debian-${release}`
      const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?${distro}`
      return component('library', name, version, purl)
    })
}

function component(type, name, version, purl, license) {
  const licenses = license === undefined ? {} : { licenses: [{ license: { id: license } }] }
  return { 'bom-ref': purl, type, name, version, scope: 'required', purl, ...licenses }
}

function date(path) {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    for (const name of readdirSync(path)) date(join(path, name))
  }
  lutimesSync(path, epoch, epoch)
}
