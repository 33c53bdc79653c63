import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDeploymentCertificate } from '@mailx/grpc/deployment-certificate'
import { callerNames } from '@mailx/grpc/service-id'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type ApiServer, startApiServer, type World } from '../testing/api-server.ts'

vi.setConfig({ testTimeout: 120_000 })

const main = new URL('../main.ts', import.meta.url).pathname
const compiled = new URL('../../../../.cache/compiled', import.meta.url).pathname
const DAY_MS = 24 * 60 * 60 * 1000
const services = callerNames.filter((name) => name !== 'operator')

let folder: string
let server: ApiServer
const world: World = { namespace: 'mail', pods: [], secrets: [], metrics: {}, rights: {} }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailx-k8s-'))
  server = await startApiServer(world)
})
beforeEach(() => {
  world.secrets = []
  world.rights = { job: ['get', 'create', 'update'].map((verb) => `${verb} secrets`), reader: [] }
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

/** Runs the program as the chart's job does. */
async function certificates(token = 'job') {
  const kubeconfig = join(folder, 'config')
  await writeFile(kubeconfig, server.kubeconfig(token))
  const args = ['certificates', '--prefix', 'mx-internal', '--deployment', 'mail.mx']
  const { PATH = '' } = process.env
  const env = { PATH, HOME: folder, NODE_COMPILE_CACHE: compiled }
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const all = [main, '--json', 'k8s', ...args, '--kubeconfig', kubeconfig]
    execFile(process.execPath, all, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

const outcomes = (stdout: string) =>
  Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { secret: string; outcome: string })
      .map(({ secret, outcome }) => [secret.replace('mx-internal-', ''), outcome]),
  )

const all = (outcome: string) =>
  Object.fromEntries(['authority', ...services].map((name) => [name, outcome]))

const secretOf = (name: string) => {
  const found = world.secrets.find(({ metadata }) => metadata.name === `mx-internal-${name}`)
  if (found === undefined) throw new Error(`there is no secret of ${name}`)
  const text = (key: string) => Buffer.from(found.data[key] ?? '', 'base64').toString()
  return { ...found, text }
}

const parsed = (name: string, now = Date.now()) => {
  const { text } = secretOf(name)
  const files = { ca: text('ca.crt'), cert: text('tls.crt'), key: text('tls.key') }
  return parseDeploymentCertificate(files, { name, now })
}

test('every service gets a certificate of its own by one authority, once', async () => {
  const { code, stdout, stderr } = await certificates()
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(outcomes(stdout)).toEqual(all('made'))
  for (const name of services) {
    expect(parsed(name).id).toEqual({ deployment: 'mail.mx', name })
    expect(secretOf(name).type).toBe('kubernetes.io/tls')
    expect(Object.keys(secretOf(name).data).toSorted()).toEqual(['ca.crt', 'tls.crt', 'tls.key'])
  }
  expect(stdout).not.toContain('BEGIN')
  const before = world.secrets
  expect(outcomes((await certificates()).stdout)).toEqual(all('kept'))
  expect(world.secrets).toBe(before)
})

test('what is damaged is made anew, and a new authority issues all', async () => {
  await certificates()
  const { cert } = parsed('storage')
  world.secrets = world.secrets.map((secret) =>
    secret.metadata.name.endsWith('storage')
      ? { ...secret, data: { ...secret.data, 'tls.key': '' } }
      : secret,
  )
  expect(outcomes((await certificates()).stdout)).toEqual({ ...all('kept'), storage: 'renewed' })
  expect(parsed('storage').cert).not.toBe(cert)
  expect(parsed('storage').notAfter).toBeGreaterThan(Date.now() + 29 * DAY_MS)

  world.secrets = world.secrets.filter(({ metadata }) => !metadata.name.endsWith('authority'))
  const { stdout } = await certificates()
  expect(outcomes(stdout)).toEqual({ ...all('renewed'), authority: 'made' })
  expect(parsed('gateway').ca).toBe(secretOf('authority').text('ca.crt'))
})

test('who may not is told what is not allowed', async () => {
  const { code, stdout } = await certificates('reader')
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({
    error: 'PERMISSION_DENIED',
    message: expect.stringContaining('not allowed to get secrets/mx-internal-authority'),
  })
})
