import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type NatsBackend, startNats } from './start-nats.ts'

const running: NatsBackend[] = []

afterEach(async () => {
  for (const backend of running.splice(0)) await backend.stop()
})

async function start(options: Parameters<typeof startNats>[0] = {}) {
  const backend = await startNats({ own: true, say: () => {}, ...options })
  running.push(backend)
  return backend
}

/** Logs in and sends lines, as a client does; resolves with what came back up to `last`. */
async function talk(url: string, lines: readonly string[], last: string): Promise<string> {
  const { hostname, port, username: user, password: pass } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write([`CONNECT ${JSON.stringify({ user, pass })}`, ...lines, ''].join('\r\n'))
  let heard = ''
  socket.on('data', (piece) => {
    heard += piece.toString()
    if (heard.includes(last)) socket.end()
  })
  await once(socket, 'close')
  return heard
}

const ping = (url: string) => talk(url, ['PING'], 'PONG')
const askJetStream = ['SUB answer 1', 'PUB $JS.API.INFO answer 0', '']

test('JetStream is on in every account', async () => {
  const nats = await start({ accounts: ['one', 'two'] })
  expect(nats.url).toBe(nats.urlOf('one'))
  for (const url of [nats.urlOf('one'), nats.urlOf('two')]) {
    expect(await talk(url, askJetStream, 'account_info_response')).toContain('"streams":0')
  }
})

test('an account hears nothing of another one', async () => {
  const nats = await start({ accounts: ['one', 'two'] })
  const listener = talk(nats.urlOf('two'), ['SUB > 1'], 'the end')
  await talk(nats.urlOf('one'), ['PUB secret 2', 'hi', 'PING'], 'PONG')
  await talk(nats.urlOf('two'), ['PUB open 7', 'the end', 'PING'], 'PONG')
  expect(await listener).not.toContain('secret')
})

test('a wrong password is refused', async () => {
  const nats = await start()
  const url = new URL(nats.url)
  url.password = 'guessed'
  expect(await ping(url.href)).toContain('Authorization Violation')
})

test('it comes back on the same port', async () => {
  const nats = await start()
  await nats.kill()
  expect(nats.pid).toBeUndefined()
  await nats.restart()
  expect(await ping(nats.url)).toContain('PONG')
})

test('an account that the server was not started with is an error', async () => {
  const nats = await start()
  expect(() => nats.urlOf('stranger')).toThrow('stranger')
})
