import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test, vi } from 'vitest'
import { startRedis } from './start-redis.ts'

/** Sends lines and resolves with the answer up to `last`. */
async function talk(url: string, lines: readonly string[], last: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write([...lines, ''].join('\r\n'))
  let heard = ''
  socket.on('data', (piece) => {
    heard += piece.toString()
    if (heard.includes(last)) socket.end()
  })
  await Promise.race([once(socket, 'close'), once(socket, 'error')])
  return heard
}

test('it answers those who know the password, before and after a crash', async () => {
  const redis = await startRedis({ own: true, say: () => {} })
  const login = `AUTH ${new URL(redis.url).password}`
  expect(await talk(redis.url, [login, 'PING'], 'PONG')).toContain('PONG')
  expect(await talk(redis.url, ['PING'], 'NOAUTH')).toContain('NOAUTH')
  await redis.kill()
  await redis.restart()
  expect(await talk(redis.url, [login, 'PING'], 'PONG')).toContain('PONG')
  await redis.stop()
  await expect(talk(redis.url, [login, 'PING'], 'PONG')).rejects.toThrow('ECONNREFUSED')
})

test('a server does not outlive the process that started it, however that ends', async () => {
  const program = `
    import { startRedis } from '${new URL('./start-redis.ts', import.meta.url).href}'
    const redis = await startRedis({ own: true, say: () => {} })
    console.log(redis.url)
    setInterval(() => {}, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const url = line.toString().trim()
  expect(await talk(url, ['PING'], 'NOAUTH')).toContain('NOAUTH')
  parent.kill('SIGKILL')
  // What removes containers waits ten seconds for somebody to come back.
  await vi.waitFor(
    () => expect(talk(url, ['PING'], 'NOAUTH')).rejects.toThrow('ECONNREFUSED'),
    20_000,
  )
})
