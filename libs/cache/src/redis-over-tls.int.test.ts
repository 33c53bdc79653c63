import type { Backend } from '@mailx/backends/backend'
import { startRedis } from '@mailx/backends/start-redis'
import { followTls } from '@mailx/config/follow-tls'
import { createLogger } from '@mailx/telemetry/logger'
import { eventually } from '@mailx/testing/eventually'
import { type MadeAuthority, makeAuthority } from '@mailx/testing/made-authority'
import { type SecretFolder, secretFolder } from '@mailx/testing/secret-folder'
import { testRedis } from '@mailx/testing/test-redis'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { connectRedis } from './connect.ts'

const say = () => {}
let authority: MadeAuthority
let folder: SecretFolder
let server: Backend
let expired: Backend

beforeAll(async () => {
  authority = await makeAuthority('right')
  folder = await secretFolder()
  const wrong = await makeAuthority('wrong')
  await folder.put({ 'ca.crt': authority.certPem, 'wrong.crt': wrong.certPem })
  const names = ['127.0.0.1', 'redis.example']
  const yesterday = Date.now() - 24 * 60 * 60 * 1000
  const lifetime = { notBefore: yesterday, notAfter: yesterday + 1000 }
  server = await startRedis({ say, tls: await authority.issue(names) })
  expired = await startRedis({ say, tls: await authority.issue(names, lifetime) })
}, 60_000)
afterAll(async () => {
  await Promise.all([server.stop(), expired.stop()])
  await folder.remove()
})

const open: Redis[] = []
afterEach(() => {
  for (const redis of open.splice(0)) redis.disconnect()
})

const tlsOf = (ca: string) =>
  followTls('REDIS', { ca: folder.path(ca), cert: undefined, key: undefined }, () => {})

async function connect(url: string, ca?: string, waitMs = 10_000) {
  const tls = ca === undefined ? undefined : tlsOf(ca)
  const lines: string[] = []
  const write = (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg)
  const logger = createLogger({ service: 'test', destination: { write } })
  const options = { url, logger, waitMs, timeoutMs: 10_000, ...(tls !== undefined && { tls }) }
  const redis = await connectRedis(options)
  open.push(redis)
  return { redis, lines }
}

test('a rediss:// URL is TLS, by the authority that is named', async () => {
  const { lines, redis } = await connect(server.url, 'ca.crt')
  expect(redis.status).toBe('ready')
  const own = (await redis.client('LIST')) as string
  expect(own).toMatch(/ laddr=[\d.]+:\d+ /)
  expect((redis.stream as { encrypted?: boolean }).encrypted).toBe(true)
  // The server has no other port.
  expect(await redis.config('GET', 'port')).toEqual(['port', '0'])
  expect(lines).toEqual([])
})

test.each([
  ['another authority', () => server.url, 'wrong.crt', /REDIS_CA_FILE has to hold/],
  ['no authority but the system’s', () => server.url, undefined, /REDIS_CA_FILE has to hold/],
  [
    'a certificate for another name',
    () => server.url.replace('127.0.0.1', 'localhost'),
    'ca.crt',
    /for another name than the one in REDIS_URL: .*localhost/,
  ],
  ['a certificate that has expired', () => expired.url, 'ca.crt', /has expired: renew it/],
])('%s: refused, told once, and it goes on without', async (_, url, ca, why) => {
  const { lines, redis } = await connect(url(), ca, 1)
  let attempts = 0
  redis.on('close', () => (attempts += 1))
  await eventually(() => attempts >= 2)
  expect(redis.status).not.toBe('ready')
  expect(lines).toEqual([expect.stringMatching(why)])
  await expect(redis.get('x')).rejects.toThrow('enableOfflineQueue')
})

test('nothing goes in plain text to a server without TLS', async () => {
  const plain = await testRedis()
  const { lines, redis } = await connect(plain.url.replace('redis:', 'rediss:'), 'ca.crt', 1)
  await eventually(() => expect(lines).toHaveLength(1))
  expect(lines[0]).toMatch(/^Redis (is not there by TLS|cannot be reached)/)
  expect(redis.status).not.toBe('ready')
  await plain.drop()
})

test('files for TLS beside a redis:// URL are a mistake, and files that are gone are named', async () => {
  await expect(connect('redis://127.0.0.1:1', 'ca.crt')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('write rediss://') as string,
  })
  await expect(connect('rediss://127.0.0.1:1', 'gone.crt')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/^REDIS_CA_FILE cannot be read: ENOENT/) as string,
  })
})
