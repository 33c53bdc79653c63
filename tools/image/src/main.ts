import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { provideBaseImage } from './base-image.ts'
import { buildImage, sourceOf } from './build-image.ts'
import { checkContent, checkMaterials, checkPrivileges, checkRefusals } from './checks.ts'
import { type Engine, findEngine } from './engine.ts'
import { checkExchange } from './exchange.ts'
import { removeContainers } from './in-image.ts'
import { factsOf, lookInside } from './inspect-image.ts'

const BASE = process.env['MAILX_NODE_IMAGE'] || 'node:24-bookworm-slim'
const TAG = 'mailx:image-test'
const AGAIN = 'mailx:image-test-again'

const say = (line: string) => process.stdout.write(`${line}\n`)
const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
let passed = 0
let failed = 0

/** Does one thing, and says how it went: what it returns is shown beside its name. */
async function check(name: string, work: () => Promise<string> | string): Promise<void> {
  const began = performance.now()
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`
  try {
    const found = await work()
    passed += 1
    say(`ok    ${name} (${seconds()})${found === '' ? '' : `: ${found}`}`)
  } catch (error) {
    failed += 1
    const why = error instanceof Error ? error.message : String(error)
    say(`FAIL  ${name} (${seconds()})\n${why.replace(/^/gm, '        ')}`)
  }
}

const engine = await findEngine().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
const folder = await mkdtemp(join(tmpdir(), 'mailx-image-'))
const interrupted = (signal: NodeJS.Signals) => {
  process.exitCode = 1
  void removeContainers(engine).finally(() => process.kill(process.pid, signal))
}
process.once('SIGINT', interrupted)
process.once('SIGTERM', interrupted)
try {
  await testImage(engine)
} finally {
  await removeContainers(engine)
  await rm(folder, { recursive: true, force: true })
}
say(`\n${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

async function testImage(docker: Engine): Promise<void> {
  const source = await sourceOf()
  say(`Engine ${docker.server} by ${docker.client}; commit ${source.revision.slice(0, 12)}\n`)
  await check(`the base image ${BASE}`, () => provideBaseImage(docker, BASE))
  await check('the Dockerfile builds', async () => {
    await buildImage(docker, { ...source, tag: TAG, base: BASE, fresh: false })
    const [image, base] = [await factsOf(docker, TAG), await factsOf(docker, BASE)]
    return `${mib(image.bytes)} MiB, of which ${mib(image.bytes - base.bytes)} MiB are not the base`
  })
  if (failed > 0) return
  const facts = await factsOf(docker, TAG)
  const inside = await lookInside(docker, TAG)
  await check('it runs as nobody in particular, with nothing to write to but /tmp', () =>
    checkPrivileges(facts, inside),
  )
  await check('it holds what runs, and no tools of development', () =>
    checkContent(facts, inside, source.version),
  )
  await check('its bill of materials is whole, and kept beside', async () => {
    const report = checkMaterials(inside, source.epoch)
    await mkdir('.cache/image', { recursive: true })
    await writeFile('.cache/image/sbom.cdx.json', JSON.stringify(inside.materials, null, 2))
    return `${report}; .cache/image/sbom.cdx.json`
  })
  await check('without a right command or configuration it says what is missing', () =>
    checkRefusals(docker, TAG),
  )
  for (const separate of [true, false]) {
    const what = separate ? 'every service in a container of its own' : 'all-in-one'
    await check(`a.test and b.test exchange a message, ${what}`, () =>
      checkExchange(docker, {
        image: TAG,
        folder: join(folder, String(separate)),
        separate,
        version: source.version,
      }),
    )
  }
  await check('built once more from nothing, it has the same layers', async () => {
    await buildImage(docker, { ...source, tag: AGAIN, base: BASE, fresh: true })
    const [again, base] = [await factsOf(docker, AGAIN), await factsOf(docker, BASE)]
    await docker.run(['rmi', AGAIN])
    const [one, other] = [facts.layers.join('\n'), again.layers.join('\n')]
    if (one !== other) throw new Error(`${one}\nand now\n${other}`)
    // What comes after the programs is empty.
    return `that of the programs is ${facts.layers[base.layers.length]}`
  })
}
