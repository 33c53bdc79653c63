import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from './eventually.ts'
import { type TcpProxy, tcpProxy } from './tcp-proxy.ts'

let echo: Server
let proxy: TcpProxy
const clients: Socket[] = []

beforeEach(async () => {
  echo = createServer((socket) => socket.pipe(socket).on('error', () => socket.destroy()))
  await once(echo.listen(0, '127.0.0.1'), 'listening')
  proxy = await tcpProxy({ target: `127.0.0.1:${(echo.address() as AddressInfo).port}` })
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await proxy.stop()
  echo.close()
})

function dial() {
  const socket = connect(proxy.port, '127.0.0.1')
  clients.push(socket)
  const seen = { text: '', error: '', socket }
  socket.on('data', (piece) => (seen.text += piece.toString()))
  socket.on('error', (error: NodeJS.ErrnoException) => (seen.error = error.code ?? ''))
  return seen
}

test('bytes pass in both directions', async () => {
  const seen = dial()
  seen.socket.write('hello')
  await eventually(() => seen.text === 'hello')
  expect(proxy.connections).toBe(1)
})

test('what is held arrives when it is forwarded again', async () => {
  const seen = dial()
  await eventually(() => proxy.connections === 1)
  proxy.set('hold')
  seen.socket.write('held')
  const other = dial()
  await once(other.socket, 'connect')
  expect(seen.text).toBe('')
  proxy.set('forward')
  await eventually(() => seen.text === 'held')
})

test('what is discarded never arrives', async () => {
  const seen = dial()
  await eventually(() => proxy.connections === 1)
  proxy.set('discard')
  await new Promise((resolve) => seen.socket.write('lost', resolve))
  await eventually(() => proxy.discarded === 4)
  proxy.set('forward')
  seen.socket.write('kept')
  await eventually(() => seen.text !== '')
  expect(seen.text).toBe('kept')
})

test('a cut resets the connections, a refusal those and the new ones', async () => {
  const seen = dial()
  seen.socket.write('1')
  await eventually(() => seen.text === '1')
  proxy.cut()
  await eventually(() => seen.error === 'ECONNRESET')
  const other = dial()
  other.socket.write('1')
  await eventually(() => other.text === '1')
  proxy.set('refuse')
  await eventually(() => other.error === 'ECONNRESET')
  const refused = dial()
  await eventually(() => refused.error === 'ECONNRESET')
  proxy.set('forward')
  const again = dial()
  again.socket.write('2')
  await eventually(() => expect(again.text).toBe('2'))
  expect(proxy.hindered).toBe(3)
})

test('a delay keeps the order', async () => {
  const seen = dial()
  proxy.setDelay(20)
  for (const digit of '123456789') seen.socket.write(digit)
  await eventually(() => expect(seen.text).toBe('123456789'))
})

test('a URL is led through the proxy', () => {
  expect(proxy.through('nats://user:secret@127.0.0.1:4222')).toBe(
    `nats://user:secret@127.0.0.1:${proxy.port}`,
  )
})

test('one direction can be swallowed while the other one passes', async () => {
  const seen = dial()
  await eventually(() => proxy.connections === 1)
  proxy.set('discard', 'from-target')
  seen.socket.write('gone')
  await eventually(() => proxy.discarded === 4)
  proxy.set('forward', 'from-target')
  seen.socket.write('back')
  await eventually(() => expect(seen.text).toBe('back'))
})

test('a tap sees and changes what passes, and can cut its connection', async () => {
  const tapped = await tcpProxy({
    target: `127.0.0.1:${(echo.address() as AddressInfo).port}`,
    tap: ({ cut }) => ({
      toTarget: (piece) => Buffer.from(piece.toString().toUpperCase()),
      fromTarget(piece) {
        if (piece.toString() === 'STOP') cut()
        return piece
      },
    }),
  })
  const socket = connect(tapped.port, '127.0.0.1')
  clients.push(socket)
  const seen = { text: '', error: '' }
  socket.on('data', (piece) => (seen.text += piece.toString()))
  socket.on('error', (error: NodeJS.ErrnoException) => (seen.error = error.code ?? ''))
  socket.write('loud')
  await eventually(() => expect(seen.text).toBe('LOUD'))
  socket.write('stop')
  await eventually(() => expect(seen.error).toBe('ECONNRESET'))
  await tapped.stop()
})

test('of several targets the next one that answers is taken', async () => {
  const { port } = echo.address() as AddressInfo
  const gone = await tcpProxy({ target: 'tcp://127.0.0.1:1' })
  await gone.stop()
  const proxies = await tcpProxy({ target: [{ port: gone.port }, { port }] })
  for (const word of ['one', 'two']) {
    const socket = connect(proxies.port, '127.0.0.1')
    clients.push(socket)
    let text = ''
    socket.on('data', (piece) => (text += piece.toString()))
    socket.write(word)
    await eventually(() => expect(text).toBe(word))
  }
  await proxies.stop()
})
