import { MailxError } from '@mailx/errors/mailx-error'
import type { Engine } from './engine.ts'
import { strict } from './in-image.ts'

export type ImageFacts = {
  readonly user: string
  readonly labels: Readonly<Record<string, string>>
  readonly layers: readonly string[]
  readonly bytes: number
}

export async function factsOf(engine: Engine, image: string): Promise<ImageFacts> {
  const [found] = JSON.parse(await engine.run(['image', 'inspect', image])) as {
    Config: { User: string; Labels: Record<string, string> | null }
    RootFS: { Layers: string[] }
    Size: number
  }[]
  if (found === undefined) throw new MailxError('NOT_FOUND', `there is no image ${image}`)
  const { Config, RootFS, Size } = found
  return { user: Config.User, labels: Config.Labels ?? {}, layers: RootFS.Layers, bytes: Size }
}

/** What a program in the image sees of itself. */
export type InsideFacts = {
  readonly uid: number
  readonly capabilities: string
  readonly noNewPrivileges: string
  /** What happened when it wrote to each of these folders: `written`, or the code of the error. */
  readonly writes: Readonly<Record<string, string>>
  /** `name@version` of what is installed. */
  readonly packages: readonly string[]
  readonly materials: Bom
}

export type Bom = {
  readonly bomFormat: string
  readonly specVersion: string
  readonly serialNumber?: string
  readonly metadata: { readonly timestamp: string; readonly component: { readonly name: string } }
  readonly components: readonly {
    readonly name: string
    readonly version: string
    readonly purl: string
  }[]
}

const look = `
  const { readFileSync, writeFileSync, globSync } = require('node:fs')
  const status = readFileSync('/proc/self/status', 'utf8')
  const field = (name) => status.match(new RegExp('^' + name + ':\\\\s*(.*)$', 'm'))[1]
  const write = (path) => {
    try { writeFileSync(path + '/written', ''); return 'written' } catch ({ code }) { return code }
  }
  const json = (path) => JSON.parse(readFileSync(path, 'utf8'))
  const found = globSync('/opt/mailx/**/node_modules/{*,@*/*}/package.json').map(json)
  console.log(JSON.stringify({
    uid: process.getuid(),
    capabilities: field('CapEff'),
    noNewPrivileges: field('NoNewPrivs'),
    writes: Object.fromEntries(['/', '/opt/mailx', '/etc', '/tmp'].map((at) => [at, write(at)])),
    packages: found.filter(({ version }) => version).map(({ name, version }) => name + '@' + version),
    materials: json('/opt/mailx/sbom.cdx.json'),
  }))`

export async function lookInside(engine: Engine, image: string): Promise<InsideFacts> {
  const options = ['run', '--rm', '--network', 'none', ...strict, '--entrypoint', 'node']
  return JSON.parse(await engine.run([...options, image, '-e', look])) as InsideFacts
}
