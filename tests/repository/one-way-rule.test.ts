import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

// Reading the whole project takes a while where the processors are busy.
vi.setConfig({ testTimeout: 120_000 })

const run = promisify(execFile)
const project = join(import.meta.dirname, '../..')
let tree: string

/** Breaks no rule: one file in each room of the house, most of them with an allowed import. */
const house: Record<string, string> = {
  'proto/gen/mailx/mail.ts': '',
  'libs/errors/src/mailx-error.ts': '',
  'libs/crypto/src/sign.ts': "import '@mailx/errors/mailx-error'",
  'libs/event-log/src/append.ts': "import '@mailx/crypto/sign'",
  'libs/runtime/src/run-service.ts': "import '@mailx/event-log/append'",
  'libs/runtime/src/test-run.ts': "import '@mailx/testing/test-postgres'",
  'libs/testing/src/test-postgres.ts': '',
  'services/identity/src/service.ts': "import '@mailx/runtime/run-service'",
  'services/identity/src/rpc/register.ts': "import '../deciders/user.ts'",
  'services/identity/src/deciders/user.ts': "import '@mailx/crypto/sign'",
  'services/identity/src/projections/users.ts': '',
  'services/storage/src/service.ts': '',
  'services/storage/src/rpc/fetch.ts': '',
  'services/all-in-one/src/main.ts': "import '@mailx/identity-service/service'",
  'tools/mailx/src/main.ts': "import '@mailx/crypto/sign'",
  'tests/exchange.test.ts': "import '@mailx/storage-service/service'",
}

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'mailx-house-'))
  await cp(join(project, 'tsconfig.json'), join(tree, 'tsconfig.json'))
  for (const [file, text] of Object.entries(house)) await writeModule(file, text)
  for (const name of ['errors', 'crypto', 'event-log', 'runtime', 'testing']) {
    await makePackage(`libs/${name}`, `@mailx/${name}`)
  }
  for (const name of ['identity', 'storage']) {
    await makePackage(`services/${name}`, `@mailx/${name}-service`)
  }
})
afterAll(() => rm(tree, { recursive: true }))

async function makePackage(folder: string, name: string) {
  await write(`${folder}/package.json`, JSON.stringify({ name, exports: { './*': './src/*.ts' } }))
  const link = join(tree, 'node_modules', name)
  await mkdir(dirname(link), { recursive: true })
  await symlink(join(tree, folder), link)
}

const writeModule = (file: string, text: string) => write(file, `${text}\nexport {}\n`)

async function write(file: string, text: string) {
  const path = join(tree, file)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

/** What the check says about a folder: its exit code and its words. */
async function check(folder: string) {
  try {
    await run(process.execPath, [join(project, 'tools/one-way-rule.mjs'), folder])
    return { code: 0, words: '' }
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string }
    return { code, words: stderr }
  }
}

test('a house in order passes', async () => {
  expect(await check(tree)).toEqual({ code: 0, words: '' })
})

test('each import that points back or sideways is named', async () => {
  const breaches: [rule: string, folder: string, imported: string][] = [
    ['services-are-islands', 'services/identity/src/rpc', '@mailx/storage-service/service'],
    ['services-are-islands', 'services/identity/src/rpc', '../../../storage/src/service.ts'],
    ['services-have-two-doors', 'services/all-in-one/src', '@mailx/storage-service/rpc/fetch'],
    ['services-have-two-doors', 'tests', '@mailx/storage-service/rpc/fetch'],
    ['tools-leave-services-alone', 'tools/mailx/src', '@mailx/storage-service/service'],
    ['libs-know-no-service', 'libs/runtime/src', '@mailx/storage-service/service'],
    ['pure-libs-have-no-effects', 'libs/crypto/src', 'node:fs'],
    ['pure-libs-have-no-effects', 'libs/crypto/src', '@mailx/event-log/append'],
    ['libs-event-log-looks-down-only', 'libs/event-log/src', '@mailx/runtime/run-service'],
    ['only-tests-and-tools-start-servers', 'libs/runtime/src', '@mailx/testing/test-postgres'],
    ['nothing-leans-on-test-code', 'libs/runtime/src', './test-run.ts'],
    ['deciders-are-pure', 'services/identity/src/deciders', '@mailx/event-log/append'],
    [
      'projections-know-nothing-of-their-service',
      'services/identity/src/projections',
      '../service.ts',
    ],
    ['own-imports-resolve', 'libs/runtime/src', '@mailx/nowhere/at-all'],
    ['no-cycles', 'libs/errors/src', './breach-14.ts'],
  ]
  const files = breaches.map(([, folder], index) => `${folder}/breach-${index}.ts`)
  for (const [index, [, , imported]] of breaches.entries()) {
    await writeModule(files[index] ?? '', `import '${imported}'`)
  }
  const { code, words } = await check(tree)
  expect(code).toBe(1)
  const named = breaches.filter(([rule], index) => words.includes(`${rule}: ${files[index]}`))
  expect(named).toEqual(breaches)
})

test('a check that has not seen every part of the house fails', async () => {
  await rm(join(tree, 'services'), { recursive: true })
  const { code, words } = await check(tree)
  expect(words).toContain('Nothing was found in services')
  expect(code).toBe(1)
})

test('the project itself keeps the rule', async () => {
  expect(await check(project)).toEqual({ code: 0, words: '' })
})
