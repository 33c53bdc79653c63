import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { findBinary, type Program } from './find-binary.ts'

const program: Program = {
  title: 'Test',
  names: ['mailx-test-server', 'mailx-other-server'],
  variable: 'MAILX_TEST_SERVER',
  minimum: [2, 9, 4],
  aptPackages: [],
  brewFormula: '',
}
const say = () => {}
let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mailx-bin-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(dir, { recursive: true })
})

async function makeProgram(name: string, versionLine: string): Promise<string> {
  const file = join(dir, name)
  await writeFile(file, `#!/bin/sh\necho '${versionLine}'\n`)
  await chmod(file, 0o755)
  return file
}

test('the environment variable comes first', async () => {
  vi.stubEnv('MAILX_TEST_SERVER', await makeProgram('mine', 'server: v2.10.0'))
  expect(await findBinary(program, say)).toMatchObject({
    file: join(dir, 'mine'),
    version: '2.10.0',
  })
})

test('a file of the environment variable that is too old is refused, not passed over', async () => {
  vi.stubEnv('MAILX_TEST_SERVER', await makeProgram('mine', 'server: v2.9.3'))
  await expect(findBinary(program, say)).rejects.toThrow('is 2.9.3, at least 2.9.4 is needed')
})

test('the PATH is searched for each name, and what is too old is passed over', async () => {
  vi.stubEnv('PATH', `${dir}:${process.env.PATH}`)
  await makeProgram('mailx-test-server', 'v=1.99.99')
  const other = await makeProgram('mailx-other-server', 'Server v=3.0.1 bits=64')
  expect(await findBinary(program, say)).toEqual({ file: other, version: '3.0.1', env: {} })
})
