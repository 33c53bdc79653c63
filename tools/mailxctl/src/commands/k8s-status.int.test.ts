import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type ApiServer, type Pod, startApiServer, type World } from '../testing/api-server.ts'
import { madeCertificate } from '../testing/made-certificate.ts'

vi.setConfig({ testTimeout: 120_000 })

const main = new URL('../main.ts', import.meta.url).pathname
// Compiled once for all runs: that is most of a short program's time.
const compiled = new URL('../../../../.cache/compiled', import.meta.url).pathname
const DAY_MS = 24 * 60 * 60 * 1000
const everything = ['list pods', 'list secrets', 'create pods/portforward']

let folder: string
let server: ApiServer
const world: World = { namespace: 'mail', pods: [], secrets: [], answers: {}, rights: {} }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailx-k8s-'))
  server = await startApiServer(world)
})
beforeEach(async () => {
  world.pods = [pod('mx-gateway-1', 'gateway'), pod('mx-storage-1', 'storage')]
  world.answers = {
    'mx-gateway-1:9464/metrics': metrics('gateway', '1.2.0', 0),
    'mx-storage-1:9464/metrics': metrics('storage', '1.2.0', 7),
  }
  world.secrets = [await tlsSecret('client-port', 60)]
  world.rights = { operator: everything, reader: ['list pods'], nobody: [] }
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

function pod(name: string, service: string, conditions: readonly unknown[] = ready): Pod {
  const labels = { 'app.kubernetes.io/name': 'mailx', 'app.kubernetes.io/component': service }
  return {
    metadata: { name, labels: { ...labels, 'app.kubernetes.io/version': '1.2.0' } },
    spec: {
      containers: [
        { name: service, image: 'mailx:1.2.0', ports: [{ name: 'ops', containerPort: 9464 }] },
      ],
    },
    status: {
      phase: 'Running',
      conditions,
      containerStatuses: [{ name: service, ready: true, restartCount: 3, state: { running: {} } }],
    },
  }
}

const ready = [{ type: 'Ready', status: 'True' }]

const metrics = (service: string, version: string, lag: number) =>
  [
    `mailx_build_info{service="${service}",version="${version}"} 1`,
    `mailx_projection_lag_events{projection="${service}.first",partition="submission-0"} ${lag}`,
    `mailx_projection_lag_events{projection="${service}.second",partition="submission-0"} 0`,
    `mailx_certificate_expiry_timestamp_seconds{domain="a.test"} ${(Date.now() + 5 * DAY_MS) / 1000}`,
  ].join('\n')

async function tlsSecret(name: string, days: number) {
  const made = await madeCertificate('mailx.a.test', new Date(Date.now() + days * DAY_MS))
  const data = { 'tls.crt': Buffer.from(made.certificate).toString('base64'), 'tls.key': '' }
  return { metadata: { name }, type: 'kubernetes.io/tls', data }
}

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Runs the program as an operator would, with nothing of this machine's own configuration. */
function status(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { PATH = '' } = process.env
  const options = { env: { PATH, HOME: folder, NODE_COMPILE_CACHE: compiled, ...env } }
  return new Promise<Ended>((resolve) => {
    const all = [main, ...args, 'k8s', 'status']
    execFile(process.execPath, all, options, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

async function statusAs(token: string, ...args: readonly string[]): Promise<Ended> {
  const file = join(folder, 'kubeconfig')
  await writeFile(file, server.kubeconfig(token))
  return status(args, { KUBECONFIG: file })
}

test('pods, versions, restarts, lag and certificates, and exit code 0 when all is well', async () => {
  const { code, stdout } = await statusAs('operator')
  expect(stdout).toMatch(/^ready {6}mx-gateway-1 {2}gateway {2}1\.2\.0 {2}3 restarts {2}0 behind$/m)
  expect(stdout).toMatch(/^ready {6}mx-storage-1 {2}storage {2}1\.2\.0 {2}3 restarts {2}7 behind$/m)
  expect(stdout).toMatch(/^certificate client-port \(mailx\.a\.test, IP Address:127\.0\.0\.1\)/m)
  expect(stdout).toContain('2 of 2 pods are ready in mail of https://127.0.0.1')
  expect(code).toBe(0)
})

test('the same as one JSON object a line', async () => {
  const { stdout } = await statusAs('operator', '--json')
  const records = stdout.trim().split('\n')
  expect(records.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { kind: 'pod', pod: 'mx-gateway-1', ready: true, lag: 0, image: 'mailx:1.2.0', restarts: 3 },
    { kind: 'pod', pod: 'mx-storage-1', ready: true, lag: 7 },
    { kind: 'certificate', secret: 'client-port', expiresAt: expect.stringMatching(/^\d{4}-/) },
    { kind: 'summary', namespace: 'mail', pods: 2, ready: 2 },
  ])
})

test('everything that is wrong is told, one sentence each, with exit code 1', async () => {
  const conditions = [{ type: 'Ready', status: 'False', message: 'containers with unready status' }]
  const job = pod('mx-prepare-1', 'prepare')
  const another = pod('web-1', 'web')
  world.pods = [
    ...world.pods,
    pod('mx-gateway-2', 'gateway', conditions),
    { ...job, status: { phase: 'Succeeded' } },
    { ...another, metadata: { name: 'web-1', labels: { 'app.kubernetes.io/name': 'web' } } },
  ]
  world.answers['mx-storage-1:9464/metrics'] = metrics('storage', '1.1.0', 4_000)
  world.secrets = [
    await tlsSecret('old', -1),
    await tlsSecret('soon', 1),
    { metadata: { name: 'broken' }, type: 'kubernetes.io/tls', data: { 'tls.crt': 'bm8=' } },
    { metadata: { name: 'password' }, type: 'Opaque', data: {} },
  ]
  const { code, stdout } = await statusAs('operator')
  const problems = stdout.split('\n').filter((line) => line.startsWith('!'))
  expect(problems).toEqual([
    '! mx-gateway-2 is not ready: containers with unready status',
    '! several versions run: 1.1.0, 1.2.0',
    '! mx-storage-1: storage.first is 4000 events behind',
    expect.stringContaining('! secret broken holds no certificate'),
    expect.stringContaining('! the certificate in secret old has expired on'),
    expect.stringContaining('! the certificate in secret soon expires on'),
  ])
  expect(stdout).toContain('2 of 3 pods are ready')
  expect(code).toBe(1)
})

test('what may not be read is told beside what may', async () => {
  const { code, stdout } = await statusAs('reader')
  expect(stdout).toContain('mx-storage-1')
  expect(stdout).toContain('lag unknown')
  expect(stdout).toContain('! not allowed to list secrets in namespace mail (kubectl auth can-i')
  expect(stdout).toContain(
    'mx-storage-1 does not show its metrics: not allowed to create pods/portforward',
  )
  expect(code).toBe(1)
})

test('a pod whose port does not answer has no version, whatever its labels say', async () => {
  delete world.answers['mx-storage-1:9464/metrics']
  const { code, stdout } = await statusAs('operator')
  expect(stdout).toMatch(
    /^ready {6}mx-storage-1 {2}storage {2}unknown {2}3 restarts {2}lag unknown$/m,
  )
  expect(stdout.split('\n').filter((line) => line.startsWith('!'))).toEqual([
    expect.stringMatching(
      /^! mx-storage-1 does not show its metrics: port 9464: .*connection refused$/,
    ),
  ])
  expect(code).toBe(1)
})

test('who may not even list pods is told so', async () => {
  const { code, stderr } = await statusAs('nobody')
  expect(stderr).toMatch(/^mailxctl: not allowed to list pods .*\(PERMISSION_DENIED\)$/m)
  expect(code).toBe(1)
})

test('a token that the cluster does not know is not taken for missing rights', async () => {
  const { stderr } = await statusAs('stranger')
  expect(stderr).toMatch(/does not know who asks.*\(UNAUTHENTICATED\)$/m)
})

test('without a kubeconfig, the error says where one is looked for', async () => {
  const { code, stderr } = await status([])
  expect(stderr).toMatch(/there is no kubeconfig: .*KUBECONFIG.*\(UNSAFE_CONFIGURATION\)$/m)
  expect(code).toBe(1)
})

test('a cluster that does not answer is out of reach', async () => {
  const elsewhere = await startApiServer(world)
  const file = join(folder, 'gone')
  await writeFile(file, elsewhere.kubeconfig('operator'))
  await elsewhere.stop()
  const { code, stderr } = await status([], { KUBECONFIG: file })
  expect(stderr).toMatch(/does not answer: .*ECONNREFUSED.*\(UNAVAILABLE\)$/m)
  expect(code).toBe(1)
})

test('a namespace without MailX is a problem, too', async () => {
  world.pods = []
  const { code, stdout } = await statusAs('operator')
  expect(stdout).toContain('! there are no pods of MailX')
  expect(code).toBe(1)
})
