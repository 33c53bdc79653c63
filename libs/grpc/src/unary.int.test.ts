import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compressionAlgorithms, Metadata } from '@grpc/grpc-js'
import { MailxError } from '@mailx/errors/mailx-error'
import { metricsText } from '@mailx/telemetry/metrics'
import { afterEach, expect, test } from 'vitest'
import { callUnary, connectGrpc } from './client.ts'
import { EchoClientConstructor, startEcho } from './echo-service.ts'
import { cancellationOf, deadlineOf, headerOf, refuseLateCall } from './rpc-call.ts'
import { unary } from './unary.ts'

let stop = async () => {}
afterEach(() => stop())

const echo = unary<string, string>(async (text) => text)

async function start(
  handler: ReturnType<typeof unary<string, string>>,
  options?: Parameters<typeof startEcho>[1],
) {
  const started = await startEcho({ echo: handler }, options)
  stop = started.stop
  return started
}

test('a call is answered', async () => {
  const { client } = await start(echo)
  await expect(callUnary(client.echo, 'hello')).resolves.toBe('hello')
})

test('it works over a unix socket', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'mailx-grpc-')), 'echo.sock')
  const { client, server } = await start(echo, { listen: `unix:${path}` })
  expect(server.address).toBe(`unix:${path}`)
  await expect(callUnary(client.echo, 'hello')).resolves.toBe('hello')
})

test('a refusal reaches the caller with its code, text and time', async () => {
  const { client, lines } = await start(
    unary<string, string>(async () => {
      throw new MailxError('RATE_LIMITED', 'slow down', { retryAfterMs: 250 })
    }),
  )
  await expect(callUnary(client.echo, 'x')).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    message: 'slow down',
    retryAfterMs: 250,
  })
  expect(lines).toEqual([])
})

test.each([
  ['a rejection', async () => Promise.reject(new Error('secret hunter2'))],
  [
    'a throw before the first await',
    () => {
      throw new Error('secret hunter2')
    },
  ],
])('%s that nobody foresaw is a bare INTERNAL, and is logged', async (_, handle) => {
  const { client, lines } = await start(unary<string, string>(handle))
  await expect(callUnary(client.echo, 'x')).rejects.toMatchObject({
    code: 'INTERNAL',
    message: 'internal error',
  })
  expect(lines).toMatchObject([
    { level: 'error', rpc: 'mailx.test.v1.EchoService/Echo', err: { message: 'secret hunter2' } },
  ])
})

test('headers of the caller are seen, and a deadline always', async () => {
  const { client } = await start(
    unary<string, string>(async (_, call) => {
      const left = (deadlineOf(call) ?? 0) - Date.now()
      return `${headerOf(call, 'authorization')} ${left > 4_000 && left <= 5_000}`
    }),
  )
  const metadata = { authorization: 'Bearer x' }
  await expect(callUnary(client.echo, 'x', { metadata })).resolves.toBe('Bearer x true')
  const own = new Metadata()
  own.set('authorization', 'Bearer y')
  await expect(callUnary(client.echo, 'x', { metadata: own })).resolves.toBe('Bearer y true')
})

test('a server that does not answer in time is DEADLINE_EXCEEDED, and learns of it', async () => {
  const cancelled = Promise.withResolvers<void>()
  const { client } = await start(
    unary<string, string>(async (_, call) => {
      cancellationOf(call).addEventListener('abort', () => cancelled.resolve())
      await cancelled.promise
      return 'too late'
    }),
  )
  const call = callUnary(client.echo, 'x', { timeoutMs: 100 })
  await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await cancelled.promise
})

test('the caller can cancel', async () => {
  const started = Promise.withResolvers<void>()
  const { client } = await start(
    unary<string, string>((_, call) => {
      started.resolve()
      return new Promise((resolve) => call.once('cancelled', () => resolve('')))
    }),
  )
  const controller = new AbortController()
  const call = callUnary(client.echo, 'x', { signal: controller.signal })
  await started.promise
  controller.abort()
  await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  const already = callUnary(client.echo, 'x', { signal: AbortSignal.abort() })
  await expect(already).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('nobody there is UNAVAILABLE, at once', async () => {
  const client = connectGrpc(EchoClientConstructor, '127.0.0.1:1')
  await expect(callUnary(client.echo, 'x')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  client.close()
})

test('a call may wait for a server that comes later', async () => {
  const first = await start(echo)
  const { address } = first.server
  await first.stop()
  const client = connectGrpc(EchoClientConstructor, address)
  const call = callUnary(client.echo, 'later', { waitForReady: true, timeoutMs: 10_000 })
  await start(echo, { listen: address })
  await expect(call).resolves.toBe('later')
  client.close()
})

test('an address that is taken is told by name', async () => {
  const { server } = await start(echo)
  await expect(startEcho({ echo }, { listen: server.address })).rejects.toThrow(
    `echo cannot listen on ${server.address}`,
  )
})

test('a message over the limit is refused, also one that is small until it is inflated', async () => {
  const { client } = await start(echo, { maxMessageBytes: 10_000 })
  const big = 'x'.repeat(20_000)
  await expect(callUnary(client.echo, big)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  const options = { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip }
  const bomber = await startEcho({ echo }, { maxMessageBytes: 10_000, options })
  const bomb = 'x'.repeat(5_000_000)
  const call = callUnary(bomber.client.echo, bomb)
  await expect(call).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  await expect(callUnary(bomber.client.echo, 'fits')).resolves.toBe('fits')
  await bomber.stop()
})

test('a call past its deadline is refused before any work', () => {
  const call = {
    cancelled: false,
    metadata: new Metadata(),
    getPath: () => '',
    getPeer: () => 'test',
    once: () => {},
  }
  expect(() => refuseLateCall({ ...call, getDeadline: () => 999 }, 1000)).toThrow(
    expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }),
  )
  expect(() => refuseLateCall({ ...call, getDeadline: () => 1001 }, 1000)).not.toThrow()
  expect(() => refuseLateCall({ ...call, getDeadline: () => Infinity }, 1000)).not.toThrow()
  expect(() => refuseLateCall({ ...call, cancelled: true, getDeadline: () => Infinity })).toThrow(
    expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }),
  )
})

test('calls are counted and timed on both sides', async () => {
  const { client } = await start(echo)
  await callUnary(client.echo, 'x')
  const { text } = await metricsText()
  const labels = 'rpc_service="mailx.test.v1.EchoService",rpc_method="Echo",grpc_status="OK"'
  expect(text).toMatch(`rpc_server_call_duration_seconds_count{service="echo",${labels}}`)
  expect(text).toMatch(`rpc_client_call_duration_seconds_count{service="mailx",${labels}}`)
})
