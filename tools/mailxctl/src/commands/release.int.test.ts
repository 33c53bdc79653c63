import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type ApiServer, type Pod, startApiServer, type World } from '../testing/api-server.ts'

vi.setConfig({ testTimeout: 120_000 })

const main = new URL('../main.ts', import.meta.url).pathname
const compiled = new URL('../../../../.cache/compiled', import.meta.url).pathname

const pod = (name: string, service: string, ports: readonly unknown[], restartCount = 0): Pod => ({
  metadata: { name, labels: { 'app.kubernetes.io/instance': 'post' } },
  spec: { containers: [{ name: service, ports }] },
  status: { phase: 'Running', containerStatuses: [{ name: service, restartCount }] },
})
const ops = [{ name: 'ops', containerPort: 9464 }]
const another = pod('web-1', 'web', ops)
const troubles = [
  { level: 'warn', message: 'NATS is away', reason: '', count: 3, at: new Date().toISOString() },
]

const world: World = {
  namespace: 'mail',
  pods: [
    pod('post-gateway-1', 'gateway', ops, 2),
    pod('post-storage-1', 'storage', ops),
    pod('post-nats-0', 'nats', [{ name: 'client', containerPort: 4222 }]),
    { ...another, metadata: { name: 'web-1', labels: { 'app.kubernetes.io/instance': 'web' } } },
  ],
  secrets: [],
  answers: {
    'post-gateway-1:9464/readyz': JSON.stringify({ ready: true, checks: [] }),
    'post-gateway-1:9464/metrics': 'mailx_build_info{service="gateway",version="1.2.0"} 1',
    'post-gateway-1:9464/troubles': JSON.stringify(troubles),
  },
  logs: {
    'post-gateway-1/gateway': '{"msg":"accepted from alice@a.test","token":"hunter2"}\nplain',
    'post-gateway-1/gateway/previous': '{"msg":"it died"}',
    'post-nats-0/nats': 'Server is ready',
  },
  rights: { operator: ['list pods', 'get pods/log', 'create pods/portforward'], nobody: [] },
}
let folder: string
let server: ApiServer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailx-release-'))
  server = await startApiServer(world)
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Runs the program as in the operator's pod, with a database that is away. */
async function mailxctl(
  token: string,
  args: readonly string[],
  changed: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const file = join(folder, 'kubeconfig')
  await writeFile(file, server.kubeconfig(token))
  const { PATH = '' } = process.env
  const env = {
    PATH,
    HOME: folder,
    NODE_COMPILE_CACHE: compiled,
    KUBECONFIG: file,
    DATABASE_URL: 'postgres://operator@127.0.0.1:9/mailx',
    MAILX_RELEASE: 'post',
    ...changed,
  }
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

test('status asks the services of the release by the API, and shows what they tell', async () => {
  const { code, stdout } = await mailxctl('operator', ['status'])
  expect(stdout).toMatch(/^ {2}gateway {2}ready {6}1\.2\.0 {2}post-gateway-1$/m)
  expect(stdout).toMatch(/^! post-storage-1 is not ready: does not answer: port 9464: .*refused$/m)
  expect(stdout).toMatch(/^ {2}\d+ s ago {2}gateway: NATS is away \(warn, 3 times\)$/m)
  expect(stdout).toMatch(/^! Postgres is not available/m)
  expect(stdout).not.toMatch(/web-1|post-nats-0/)
  expect(code).toBe(1)
})

test('without a database at hand, the services are shown all the same', async () => {
  const { code, stdout } = await mailxctl('operator', ['status'], { DATABASE_URL: '' })
  expect(stdout).toMatch(/^! DATABASE_URL is not set/m)
  expect(stdout).toMatch(/^ {2}gateway {2}ready/m)
  expect(code).toBe(1)
})

test('who may not ask is told so, and the rest is shown', async () => {
  const { stdout } = await mailxctl('nobody', ['status'])
  expect(stdout).toMatch(/^! not allowed to list pods in namespace mail/m)
  expect(stdout).toContain('servers')
  const other = await mailxctl('operator', ['status', '--release', 'gone'])
  expect(other.stdout).toContain('! no pod of the release gone tells how it is')
})

test('a support bundle has the logs of every container of the release, redacted', async () => {
  const { code, stdout, stderr } = await mailxctl('operator', ['support-bundle', '--out', '-'])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).not.toMatch(/alice@|hunter2/)
  const bundle = JSON.parse(stdout) as { services: unknown[]; logs: Record<string, string[]> }
  expect(bundle.logs).toEqual({
    'post-gateway-1/gateway': [expect.stringContaining('accepted from address:'), 'plain'],
    'post-gateway-1/gateway/previous': [expect.stringContaining('it died')],
    'post-nats-0/nats': ['Server is ready'],
    'post-storage-1/storage': [expect.stringMatching(/answers 400 to get pods\/log/)],
  })
  expect(bundle.services).toMatchObject([
    { service: 'gateway', troubles: [{ message: 'NATS is away' }] },
    { url: 'post-storage-1', ready: false },
  ])
})
