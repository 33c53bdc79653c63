import { readFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { createSecureContext, createServer as createTlsServer } from 'node:tls'
import { credentials } from '@grpc/grpc-js'
import { eventually } from '@mailx/testing/eventually'
import { expect, test } from 'vitest'
import { callUnary } from './client.ts'
import { limitConnecting } from './connect-limit.ts'
import { EchoClientConstructor, startEcho } from './echo-service.ts'
import { testDeployment } from './test-deployment.ts'
import { unary } from './unary.ts'

const LIMIT_MS = 200

test('a server that takes a connection and says nothing is given up, before and after TLS', async () => {
  const deployment = await testDeployment()
  const files = await deployment.give('identity')
  const [ca, cert, key] = await Promise.all(
    [files.ca, files.cert, files.key].map((path) => readFile(path)),
  )
  const echo = await startEcho({ echo: unary<string, string>(async (text) => text) })
  const sockets = new Set<Socket>()
  // The first connection gets no TLS, the second one no HTTP/2, the third one a server.
  const tls = createTlsServer({ cert, key, ALPNProtocols: ['h2'] }, (secure) => {
    secure.on('error', () => {})
    if (sockets.size < 3) return
    const upstream = connect(Number(echo.server.address.split(':').at(-1)))
    secure.pipe(upstream).pipe(secure)
  })
  const front = createServer((socket) => {
    socket.on('error', () => {})
    sockets.add(socket)
    if (sockets.size > 1) tls.emit('connection', socket)
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  const made = credentials.createFromSecureContext(createSecureContext({ ca }), {
    checkServerIdentity: () => undefined,
  })
  const { port } = front.address() as AddressInfo
  const client = new EchoClientConstructor(`127.0.0.1:${port}`, limitConnecting(made, LIMIT_MS), {
    'grpc.initial_reconnect_backoff_ms': 20,
    'grpc.ssl_target_name_override': 'echo.test',
  })
  const call = (text: string) =>
    callUnary(client.echo.bind(client), text, { timeoutMs: 5 * LIMIT_MS })
  try {
    expect(await eventually(() => call('hello'))).toBe('hello')
    expect(sockets.size).toBe(3)
    // Who has spoken is not given up.
    await new Promise((resolve) => setTimeout(resolve, 2 * LIMIT_MS))
    expect(await call('still there')).toBe('still there')
    expect(sockets.size).toBe(3)
  } finally {
    client.close()
    front.close()
    for (const socket of sockets) socket.destroy()
    await echo.stop()
    await deployment.remove()
  }
})
