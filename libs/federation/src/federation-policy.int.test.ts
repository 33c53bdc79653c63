import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  type FederationMode,
  type FederationPolicy,
  loadFederationPolicy,
} from './federation-policy.ts'

let folder: string
let list: string
let policy: FederationPolicy | undefined
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'federation-policy-'))
  list = join(folder, 'list')
})
afterEach(async () => {
  policy?.stop()
  await rm(folder, { recursive: true })
})

async function policyOf(mode: FederationMode, text: string, pollMs = 60_000) {
  await writeFile(list, text)
  policy = await loadFederationPolicy({ mode, listFile: list, pollMs })
  return policy
}

const notAllowed = expect.objectContaining({ code: 'PEER_NOT_ALLOWED' })

test('open lets everybody in', async () => {
  const open = await loadFederationPolicy({ mode: 'open' })
  expect(() => open.admit('b.test')).not.toThrow()
})

test('an allow-list lets in whom it names, in any spelling', async () => {
  const { admit } = await policyOf('allow', '# friends\nB.Test\n\n  c.test # new\n')
  expect(() => admit('b.test')).not.toThrow()
  expect(() => admit('c.test')).not.toThrow()
  expect(() => admit('d.test')).toThrow(notAllowed)
  expect(() => admit('sub.b.test')).toThrow(notAllowed)
})

test('an empty allow-list means nobody', async () => {
  const { admit } = await policyOf('allow', '')
  expect(() => admit('b.test')).toThrow(notAllowed)
})

test('a deny-list keeps out whom it names', async () => {
  const { admit } = await policyOf('deny', 'evil.test\n')
  expect(() => admit('evil.test')).toThrow(notAllowed)
  expect(() => admit('b.test')).not.toThrow()
})

test('a changed file counts without restart', async () => {
  const { admit } = await policyOf('deny', 'evil.test\n', 10)
  await writeFile(list, 'evil.test\nworse.test\n')
  await vi.waitFor(() => expect(() => admit('worse.test')).toThrow(notAllowed))
})

test('a file that is being written counts only when it is whole', async () => {
  const { admit, look } = await policyOf('deny', 'evil.test\n')
  await writeFile(list, '')
  await look()
  await writeFile(list, 'evil.test\nworse.test\n')
  await look()
  expect(() => admit('evil.test')).toThrow(notAllowed)
  expect(() => admit('worse.test')).not.toThrow()
  await look()
  expect(() => admit('worse.test')).toThrow(notAllowed)
})

test('a broken file leaves the list as it was', async () => {
  const { admit, look } = await policyOf('deny', 'evil.test\n')
  await writeFile(list, 'not a domain at all\n')
  await look()
  await expect(look()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  expect(() => admit('evil.test')).toThrow(notAllowed)
})

test('a list that is missing stops the start', async () => {
  await expect(loadFederationPolicy({ mode: 'allow' })).rejects.toThrow(/needs FEDERATION_LIST/)
  const missing = loadFederationPolicy({ mode: 'deny', listFile: join(folder, 'missing') })
  await expect(missing).rejects.toThrow(/FEDERATION_LIST .*missing/)
})
