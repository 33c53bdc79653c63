import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDeploymentCertificate } from '@mailx/grpc/deployment-certificate'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { issueCertificates, services } from '../issue-certificates.ts'
import { certificateSecrets } from '../k8s/cluster-secrets.ts'
import { connectCluster } from '../k8s/connect-cluster.ts'
import { type ApiServer, startApiServer, type World } from '../testing/api-server.ts'

vi.setConfig({ testTimeout: 120_000 })

const main = new URL('../main.ts', import.meta.url).pathname
const compiled = new URL('../../../../.cache/compiled', import.meta.url).pathname
const DAY_MS = 24 * 60 * 60 * 1000

let folder: string
let server: ApiServer
const world: World = { namespace: 'mail', pods: [], secrets: [], answers: {}, rights: {} }

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
  return mailxctl('k8s', 'certificates', '--prefix', 'mx-internal', '--kubeconfig', kubeconfig)
}

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string }

function mailxctl(...args: readonly string[]) {
  const { PATH = '' } = process.env
  const env = { PATH, HOME: folder, NODE_COMPILE_CACHE: compiled }
  return new Promise<Ended>((resolve) => {
    const all = [main, '--json', ...args, '--deployment', 'mail.mx']
    execFile(process.execPath, all, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

/** The same without a process of its own, at any time. */
async function issue(now = Date.now()) {
  const kubeconfig = join(folder, 'config')
  await writeFile(kubeconfig, server.kubeconfig('job'))
  const store = certificateSecrets(await connectCluster({ kubeconfig }), 'mx-internal')
  const issued = await issueCertificates(store, { deployment: 'mail.mx', owners: services, now })
  return outcomesOf(issued)
}

const outcomes = (stdout: string) =>
  outcomesOf(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { place: string; outcome: string }),
  )

const outcomesOf = (all: readonly { readonly place: string; readonly outcome: string }[]) =>
  Object.fromEntries(
    all.map(({ place, outcome }) => [place.replace(/^.*(\/|internal-)/, ''), outcome]),
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

test('half of their time is over: they are renewed, by the same authority', async () => {
  const now = Date.now()
  await issue(now)
  const { ca, notAfter } = parsed('storage')
  expect(await issue(now + 14 * DAY_MS)).toEqual(all('kept'))
  expect(await issue(now + 16 * DAY_MS)).toEqual({ ...all('renewed'), authority: 'kept' })
  const renewed = parsed('storage', now + 16 * DAY_MS)
  expect(renewed.ca).toBe(ca)
  expect(renewed.notAfter).toBe(notAfter + 16 * DAY_MS)
})

test('what is damaged is made anew, and a new authority issues all', async () => {
  await issue()
  const { cert } = parsed('storage')
  world.secrets = world.secrets.map((secret) =>
    secret.metadata.name.endsWith('storage')
      ? { ...secret, data: { ...secret.data, 'tls.key': '' } }
      : secret,
  )
  expect(await issue()).toEqual({ ...all('kept'), storage: 'renewed' })
  expect(parsed('storage').cert).not.toBe(cert)
  expect(parsed('storage').notAfter).toBeGreaterThan(Date.now() + 29 * DAY_MS)

  world.secrets = world.secrets.filter(({ metadata }) => !metadata.name.endsWith('authority'))
  expect(await issue()).toEqual({ ...all('renewed'), authority: 'made' })
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

test('as files they are for their user alone, and the tools of the operator have one, too', async () => {
  const files = join(folder, 'files')
  const { code, stdout } = await mailxctl('certificates', files)
  expect(code).toBe(0)
  expect(outcomes(stdout)).toEqual({ ...all('made'), operator: 'made' })
  const own = join(files, 'operator')
  const [ca = '', cert = '', key = ''] = await Promise.all(
    ['ca.crt', 'tls.crt', 'tls.key'].map((name) => readFile(join(own, name), 'utf8')),
  )
  const { id } = parseDeploymentCertificate(
    { ca, cert, key },
    { name: 'operator', now: Date.now() },
  )
  expect(id.deployment).toBe('mail.mx')
  expect((await stat(own)).mode & 0o777).toBe(0o700)
  expect((await stat(join(own, 'tls.key'))).mode & 0o777).toBe(0o600)
  expect(outcomes((await mailxctl('certificates', files)).stdout)).toEqual({
    ...all('kept'),
    operator: 'kept',
  })
})
