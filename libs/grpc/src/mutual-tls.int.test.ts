import { connect } from 'node:net'
import { createLogger } from '@mailx/telemetry/logger'
import { metricsText } from '@mailx/telemetry/metrics'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { callUnary, connectGrpc } from './client.ts'
import { openBidi } from './client-stream.ts'
import {
  type EchoClient,
  EchoClientConstructor,
  EchoService,
  type LogLine,
} from './echo-service.ts'
import { type InternalGrpc, plainGrpc } from './internal-grpc.ts'
import { mutualTls } from './mutual-tls.ts'
import type { ServedGrpc } from './serve.ts'
import type { CallerName } from './service-id.ts'
import { bidi } from './stream.ts'
import { type Gift, type TestDeployment, testAuthority, testDeployment } from './test-deployment.ts'
import { unary } from './unary.ts'
import { type WatchedCertificate, watchCertificate } from './watch-certificate.ts'

const NEVER_MS = 2 ** 31 - 1

let deployment: TestDeployment
beforeAll(async () => {
  deployment = await testDeployment()
})
afterAll(() => deployment.remove())

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

const lines: LogLine[] = []
const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
const logger = createLogger({ service: 'identity', destination })

type Party = { readonly internal: InternalGrpc; readonly certificate: WatchedCertificate }

async function party(name: CallerName, gift: Gift = {}): Promise<Party> {
  const files = await deployment.give(name, gift)
  const certificate = watchCertificate({ files, name, logger, pollMs: NEVER_MS })
  stops.push(() => certificate.stop())
  await certificate.look()
  return { internal: mutualTls(certificate), certificate }
}

/** identity, which gateway alone may call for echoes. */
async function serving({ internal }: Party): Promise<ServedGrpc> {
  const implementation = {
    echo: unary<string, string>(async (text) => text),
    chat: bidi<string, string>(async (requests, { write }) => {
      for await (const text of requests) await write(text)
    }),
  }
  const callers = { echo: ['gateway'], chat: ['gateway'], listen: [] } as const
  const server = await internal.serve({
    listen: '127.0.0.1:0',
    services: [{ definition: EchoService, implementation, callers }],
    telemetry: { service: 'identity', logger },
  })
  stops.push(() => server.stop({ graceMs: 200 }))
  server.setReady(true)
  return server
}

function clientOf(internal: InternalGrpc, { address }: ServedGrpc, to: CallerName = 'identity') {
  const client: EchoClient = internal.connect(to, EchoClientConstructor, address)
  stops.push(() => client.close())
  return client
}

const callAs = async (who: Promise<Party>, server: ServedGrpc) =>
  callUnary(clientOf((await who).internal, server).echo, 'hello')

test('who is on the list gets an answer, and streams go on', async () => {
  const server = await serving(await party('identity'))
  const client = clientOf((await party('gateway')).internal, server)
  expect(await callUnary(client.echo, 'hello')).toBe('hello')
  const stream = openBidi(client.chat)
  await stream.write('one')
  await stream.write('two')
  stream.end()
  const heard: string[] = []
  for await (const text of stream.responses) heard.push(text)
  expect(heard).toEqual(['one', 'two'])
})

test('another service of the deployment is refused by name, and it is logged once', async () => {
  const server = await serving(await party('identity'))
  const client = clientOf((await party('storage')).internal, server)
  const refusal = {
    code: 'PERMISSION_DENIED',
    message: 'storage may not call /mailx.test.v1.EchoService/Echo',
  }
  lines.length = 0
  await expect(callUnary(client.echo, 'hello')).rejects.toMatchObject(refusal)
  await expect(callUnary(client.echo, 'hello')).rejects.toMatchObject(refusal)
  expect(lines.filter(({ msg }) => String(msg).startsWith('refused a call'))).toMatchObject([
    { caller: 'storage', rpc: '/mailx.test.v1.EchoService/Echo' },
  ])
})

test('without a certificate, or by another authority, nobody gets as far as gRPC', async () => {
  const server = await serving(await party('identity'))
  const stranger = await testAuthority()
  const trust = [deployment.authority, stranger]
  lines.length = 0
  await expect(callAs(party('gateway', { by: stranger, trust }), server)).rejects.toThrow(
    expect.objectContaining({ code: 'UNAVAILABLE' }),
  )
  const plain = connectGrpc(EchoClientConstructor, server.address)
  stops.push(() => plain.close())
  await expect(callUnary(plain.echo, 'hello')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await eventually(() => {
    expect(lines.map(({ reason }) => String(reason)).toSorted()).toEqual([
      expect.stringMatching(/^its certificate is not accepted: [A-Z_]+$/),
      expect.stringMatching(/^the TLS handshake failed: [A-Z_]+$/),
    ])
  })
})

test('a certificate of the same authority for another deployment is refused', async () => {
  const server = await serving(await party('identity'))
  const other = { ...deployment.authority, deployment: 'other' }
  lines.length = 0
  await expect(callAs(party('gateway', { by: other }), server)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('spiffe://test/identity, not spiffe://other/identity'),
  })
})

test('a caller leaves when another service, or another authority, answers', async () => {
  const storage = await party('storage')
  const gateway = await party('gateway')
  const imposter = await serving(storage)
  await expect(callUnary(clientOf(gateway.internal, imposter).echo, 'x')).rejects.toThrow(
    'who answers is spiffe://test/storage, not spiffe://test/identity',
  )
  const stranger = await testAuthority()
  const foreign = await serving(await party('identity', { by: stranger, trust: [stranger] }))
  await expect(callUnary(clientOf(gateway.internal, foreign).echo, 'x')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/certificate/),
  })
})

test('authority and certificates change under calls, and no call is lost', async () => {
  const identity = await party('identity')
  const gateway = await party('gateway')
  const server = await serving(identity)
  const steady = clientOf(gateway.internal, server)
  const successor = await testAuthority()
  const stopping = new AbortController()
  let answered = 0
  const calls = async (clientFor: () => EchoClient, after: (client: EchoClient) => void) => {
    while (!stopping.signal.aborted) {
      const client = clientFor()
      expect(await callUnary(client.echo, 'hello')).toBe('hello')
      after(client)
      answered += 1
    }
  }
  const { connect: dial } = gateway.internal
  const running = Promise.all([
    calls(
      () => steady,
      () => {},
    ),
    calls(
      () => dial('identity', EchoClientConstructor, server.address),
      (client) => client.close(),
    ),
  ])
  const change = async (gift: Gift) => {
    const before = answered
    for (const [name, one] of [
      ['identity', identity],
      ['gateway', gateway],
    ] as const) {
      await deployment.give(name, gift)
      await one.certificate.look()
    }
    await eventually(() => answered > before + 20)
  }
  const both = [deployment.authority, successor]
  await change({ trust: both })
  await change({ trust: both, by: successor })
  await change({ trust: [successor], by: successor })
  stopping.abort()
  await running
  expect(gateway.certificate.trouble()).toBeUndefined()
  // Whoever still has a certificate of the first authority is a stranger now.
  await expect(callAs(party('gateway', { trust: both }), server)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
})

test('files that are no good leave what was there, are told of once, and heal', async () => {
  const { certificate } = await party('identity')
  const first = certificate.current()
  lines.length = 0
  await deployment.give('identity', { by: await testAuthority() })
  await certificate.look()
  await certificate.look()
  const trouble = 'GRPC_CERT_FILE was not issued by any authority in GRPC_CA_FILE'
  expect(certificate.trouble()).toBe(trouble)
  expect(certificate.current()).toBe(first)
  expect(certificate.usable()).toBe(true)
  expect(lines.map(({ msg }) => msg)).toEqual([
    `the certificate for internal gRPC is no good: ${trouble}`,
  ])
  await deployment.give('identity')
  await certificate.look()
  expect(certificate.trouble()).toBeUndefined()
  expect(certificate.current().cert).not.toBe(first.cert)
})

test('the metric tells when the certificate runs out', async () => {
  const { certificate } = await party('identity')
  const seconds = certificate.current().notAfter / 1000
  expect((await metricsText()).text).toContain(
    `mailx_certificate_expiry_timestamp_seconds{service="identity",domain="spiffe://test/identity"} ${seconds}`,
  )
})

test('a connection that never shakes hands holds nobody up', async () => {
  const server = await serving(await party('identity'))
  const [host = '', port = ''] = server.address.split(':')
  const silent = connect(Number(port), host)
  stops.push(() => silent.destroy())
  expect(await callAs(party('gateway'), server)).toBe('hello')
})

test.each(['0.0.0.0:0', '[::]:7001', 'identity.mail.svc:7001', '127.0.0.1.example.com:7001'])(
  'plain text does not go to %s',
  async (address) => {
    const refusal = expect.objectContaining({ code: 'UNSAFE_CONFIGURATION' })
    expect(() => plainGrpc.connect('identity', EchoClientConstructor, address)).toThrow(refusal)
    const settings = { services: [], telemetry: { service: 'identity', logger } }
    await expect(plainGrpc.serve({ listen: address, ...settings })).rejects.toThrow(refusal)
  },
)
