import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, createServer } from 'node:net'
import { type Client, credentials, makeGenericClientConstructor } from '@grpc/grpc-js'
import { service as healthService } from 'grpc-health-check'
import { afterEach, expect, test, vi } from 'vitest'
import { bindMethods, callUnary, connectGrpc, type UnaryMethod } from './client.ts'
import { EchoClientConstructor, echoSettings, startEcho } from './echo-service.ts'
import { setProcessReady } from './health.ts'
import { createInjectedServer } from './injected-server.ts'
import { unary } from './unary.ts'

const echo = unary<string, string>(async (text) => text)
let stop = async () => {}
afterEach(() => stop())

type HealthClient = Client & { check: UnaryMethod<{ service: string }, { status: string }> }
const HealthClient = makeGenericClientConstructor(healthService, 'Health')

test('health follows readiness, for the server and each service', async () => {
  const started = await startEcho({ echo })
  stop = started.stop
  const health = bindMethods(
    new HealthClient(
      started.server.address,
      credentials.createInsecure(),
    ) as unknown as HealthClient,
  )
  const statusOf = async (service: string) => (await callUnary(health.check, { service })).status
  expect(await statusOf('')).toBe('NOT_SERVING')
  started.server.setReady(true)
  expect(await statusOf('')).toBe('SERVING')
  expect(await statusOf('mailx.test.v1.EchoService')).toBe('SERVING')
  setProcessReady(false)
  expect(await statusOf('')).toBe('NOT_SERVING')
  setProcessReady(true)
  expect(await statusOf('')).toBe('SERVING')
  started.server.setReady(false)
  expect(await statusOf('mailx.test.v1.EchoService')).toBe('NOT_SERVING')
  await expect(statusOf('mailx.other')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  health.close()
})

test('stopping lets a call under way finish and takes no new one', async () => {
  const entered = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const slow = unary<string, string>(async (text) => {
    entered.resolve()
    await release.promise
    return text
  })
  const { client, server, stop: stopBoth } = await startEcho({ echo: slow })
  stop = stopBoth
  const underWay = callUnary(client.echo, 'slow')
  await entered.promise
  const stopped = server.stop({ graceMs: 10_000 })
  const late = connectGrpc(EchoClientConstructor, server.address)
  await expect(callUnary(late.echo, 'late')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  release.resolve()
  await expect(underWay).resolves.toBe('slow')
  await stopped
  late.close()
})

test('a call that does not end is cut after the grace', async () => {
  const entered = Promise.withResolvers<void>()
  const never = unary<string, string>(async () => {
    entered.resolve()
    return new Promise(() => {})
  })
  const { client, server } = await startEcho({ echo: never })
  stop = async () => client.close()
  const call = callUnary(client.echo, 'x')
  await entered.promise
  await Promise.all([
    expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' }),
    server.stop({ graceMs: 50 }),
  ])
})

test('an idle server stops at once, and stopping twice is no error', async () => {
  const { server, client } = await startEcho({ echo })
  stop = async () => client.close()
  await callUnary(client.echo, 'x')
  const startedAt = performance.now()
  await server.stop({ graceMs: 60_000 })
  await server.stop({ graceMs: 60_000 })
  expect(performance.now() - startedAt).toBeLessThan(20_000)
})

test('a client may send as much ahead as the server that took its socket says', async () => {
  const receiveWindowBytes = 1024 * 1024
  const injected = createInjectedServer({ ...echoSettings({ echo }).settings, receiveWindowBytes })
  const listener = createServer((socket) => injected.inject(socket))
  const { promise, resolve } = Promise.withResolvers<void>()
  listener.listen(0, '127.0.0.1', resolve)
  await promise
  const client = connectHttp2(`http://127.0.0.1:${(listener.address() as AddressInfo).port}`)
  client.request({ ':method': 'POST', ':path': '/test.Echo/Unknown' }).end()

  await vi.waitFor(() => {
    expect(client.remoteSettings.initialWindowSize).toBe(receiveWindowBytes)
    expect(client.state.remoteWindowSize).toBe(receiveWindowBytes)
  })
  client.destroy()
  listener.close()
  await injected.stop({ graceMs: 1_000 })
})

test('a server without a port serves the sockets it is handed', async () => {
  const injected = createInjectedServer(echoSettings({ echo }).settings)
  const listener = createServer((socket) => injected.inject(socket))
  const { promise, resolve } = Promise.withResolvers<void>()
  listener.listen(0, '127.0.0.1', resolve)
  await promise
  const { port } = listener.address() as AddressInfo
  const client = connectGrpc(EchoClientConstructor, `127.0.0.1:${port}`)
  await expect(callUnary(client.echo, 'handed over')).resolves.toBe('handed over')
  // No health service for strangers.
  const probe = new HealthClient(`127.0.0.1:${port}`, credentials.createInsecure())
  const health = bindMethods(probe as unknown as HealthClient)
  const check = callUnary(health.check, { service: '' })
  await expect(check).rejects.toMatchObject({ code: 'UNSUPPORTED_VERSION' })

  health.close()
  client.close()
  listener.close()
  await injected.stop({ graceMs: 1_000 })
  const refused = connect(port, '127.0.0.1')
  await new Promise((closed) => refused.once('error', closed))
})
