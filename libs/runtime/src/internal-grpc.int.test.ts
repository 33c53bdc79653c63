import { callUnary } from '@mailx/grpc/client'
import { type EchoClient, EchoClientConstructor, EchoService } from '@mailx/grpc/echo-service'
import { type TestDeployment, testDeployment } from '@mailx/grpc/test-deployment'
import { unary } from '@mailx/grpc/unary'
import { createLogger } from '@mailx/telemetry/logger'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openInternalGrpc } from './internal-grpc.ts'

let deployment: TestDeployment
beforeAll(async () => {
  deployment = await testDeployment()
})
afterAll(() => deployment.remove())

type Line = { readonly level: string; readonly msg: string; readonly err?: { message: string } }

let lines: Line[]
let stopping: AbortController
const stops: (() => unknown)[] = []
beforeEach(() => {
  lines = []
  stopping = new AbortController()
})
afterEach(async () => {
  stopping.abort()
  for (const stop of stops.splice(0).toReversed()) await stop()
})

const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) }
const logger = createLogger({ service: 'identity', destination })

function opened(
  files: { ca?: string; cert?: string; key?: string },
  { name = 'identity', mode = 'production' as 'production' | 'test', together = false } = {},
) {
  const { ca, cert, key } = files
  const config = { GRPC_CA_FILE: ca, GRPC_CERT_FILE: cert, GRPC_KEY_FILE: key, NODE_ENV: mode }
  const internal = openInternalGrpc(config, { name, together, logger, pollMs: 20 })
  stops.push(() => internal.stop())
  return internal
}

test('an expired certificate is told of once, shows in readiness, and heals when it is replaced', async () => {
  const files = await deployment.give('identity', { validForMs: -1_000 })
  const internal = opened(files)
  const opening = internal.open({ logger, signal: stopping.signal })
  const told = await eventually(() => {
    const [first] = lines
    if (first === undefined) throw new Error('nothing is logged')
    return first
  })
  expect(told.msg).toMatch(/^the services cannot speak with each other without a good certificate/)
  expect(told.err?.message).toMatch(/^GRPC_CERT_FILE has expired on \S+Z: renew it$/)
  expect(internal.checks()).toEqual([
    { name: 'internal certificate', ok: false, detail: told.err?.message },
  ])
  await deployment.give('identity')
  await opening
  expect(internal.checks()).toEqual([{ name: 'internal certificate', ok: true }])
  expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
  expect(lines.at(-1)?.msg).toMatch(/^over: /)
})

test('a certificate that runs out while it is in use makes not ready, until there is a new one', async () => {
  const internal = opened(await deployment.give('identity', { validForMs: 3_000 }))
  const served = await internal.open({ logger, signal: stopping.signal })
  const implementation = { echo: unary<string, string>(async (text) => text) }
  const callers = { echo: ['gateway'], chat: [], listen: [] } as const
  const server = await served.serve({
    listen: '127.0.0.1:0',
    services: [{ definition: EchoService, implementation, callers }],
    telemetry: { service: 'identity', logger },
  })
  stops.push(() => server.stop({ graceMs: 100 }))
  const gateway = opened(await deployment.give('gateway'), { name: 'gateway' })
  const caller = await gateway.open({ logger, signal: stopping.signal })
  const call = async () => {
    const client: EchoClient = caller.connect('identity', EchoClientConstructor, server.address)
    try {
      return await callUnary(client.echo, 'hello')
    } finally {
      client.close()
    }
  }
  await eventually(() => internal.checks().every(({ ok }) => !ok))
  expect(internal.checks()[0]?.detail).toMatch(/^GRPC_CERT_FILE\b.* has expired/)
  await expect(call()).rejects.toThrow(
    expect.objectContaining({ code: 'UNAVAILABLE', message: expect.stringMatching(/expired/) }),
  )
  await deployment.give('identity')
  await eventually(() => internal.checks().every(({ ok }) => ok))
  expect(await call()).toBe('hello')
  expect(
    lines.filter(({ msg }) => msg.includes('is no good: GRPC_CERT_FILE has expired')),
  ).toHaveLength(1)
})

test('a stop while it waits for a certificate is in order', async () => {
  const files = await deployment.give('storage')
  const internal = opened(files)
  const opening = internal.open({ logger, signal: stopping.signal })
  await eventually(() => lines.length > 0)
  expect(lines[0]?.err?.message).toBe(
    'GRPC_CERT_FILE is the certificate of spiffe://test/storage, and this is identity',
  )
  stopping.abort()
  await expect(opening).rejects.toThrow(/abort/i)
})

test('in production it takes certificates, all three files of them, where services are apart', () => {
  expect(() => opened({})).toThrow(
    expect.objectContaining({
      code: 'UNSAFE_CONFIGURATION',
      message: expect.stringContaining('set GRPC_CA_FILE, GRPC_CERT_FILE and GRPC_KEY_FILE'),
    }),
  )
  expect(() => opened({ cert: '/tls.crt' }, { mode: 'test' })).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('set GRPC_CA_FILE and GRPC_KEY_FILE, too'),
    }),
  )
  expect(opened({}, { mode: 'test' }).checks()).toEqual([])
  expect(opened({}, { together: true }).checks()).toEqual([])
})
