import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { findBinary } from '@mailx/backends/find-binary'
import { postgresBinaries } from '@mailx/backends/postgres-binaries'
import { natsProgram } from '@mailx/backends/start-nats'
import { redisProgram } from '@mailx/backends/start-redis'
import { provideBaseImage, provideImage } from './base-image.ts'
import { type Engine, findEngine } from './engine.ts'

const BASE = process.env['MAILX_NODE_IMAGE'] || 'node:24-bookworm-slim'
const STAND_INS = new URL('../stand-ins/', import.meta.url).pathname

/** The images that MAILX_BACKENDS=docker takes, and the one by which testcontainers cleans up. */
const images = {
  postgres: { name: 'postgres:18', program: 'postgres' },
  nats: { name: 'nats:2-alpine', program: 'nats-server' },
  valkey: { name: 'valkey/valkey:8-alpine', program: 'valkey-server' },
  ryuk: { name: 'testcontainers/ryuk:0.14.0', program: 'node' },
}

const execute = promisify(execFile)
const say = (line: string) => process.stdout.write(`${line}\n`)

try {
  await provideServers(await findEngine())
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

/** Pulls what the engine lacks; what cannot be pulled is made of the programs of this machine. */
async function provideServers(engine: Engine): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), 'mailx-stand-ins-'))
  let gathered: Promise<void> | undefined
  try {
    for (const [target, { name, program }] of Object.entries(images)) {
      const how = await provideImage(engine, name, async () => {
        gathered ??= gather(engine, context)
        await gathered
        await engine.run([
          'build',
          `--tag=${name}`,
          `--target=${target}`,
          `--build-arg=BASE=${BASE}`,
          context,
        ])
        const whole = ['run', '--rm', `--entrypoint=${program}`, name, '--version']
        return `made here of ${(await engine.run(whole)).trim()}, for it cannot be pulled`
      })
      say(`${name}: ${how}`)
    }
  } finally {
    await rm(context, { recursive: true, force: true })
  }
}

/** The programs of the servers and the libraries that they need beside those of the base image. */
async function gather(engine: Engine, context: string): Promise<void> {
  await provideBaseImage(engine, BASE)
  await cp(STAND_INS, context, { recursive: true })
  const [programs, libraries] = [join(context, 'programs'), join(context, 'libraries')]
  for (const folder of [programs, libraries]) await mkdir(folder)
  const { postgres } = await postgresBinaries(undefined, say)
  await cp(dirname(dirname(postgres)), join(programs, 'postgres'), {
    recursive: true,
    verbatimSymlinks: true,
  })
  const nats = await findBinary(natsProgram, say)
  const redis = await findBinary(redisProgram, say)
  for (const [name, { file }] of [
    ['nats-server', nats] as const,
    ['valkey-server', redis] as const,
  ]) {
    await cp(file, join(programs, name), { dereference: true })
    for (const library of await librariesOf(file)) {
      await cp(library, join(libraries, basename(library)), { dereference: true })
    }
  }
}

/** Not those of the C library, which have to fit the base image's own loader. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await execute('ldd', [program])
  const found = [...stdout.matchAll(/^\s+\S+ => (\/\S+)/gm)].map(([, path = '']) => path)
  return found.filter((path) => !/\/lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+)\.so/.test(path))
}
