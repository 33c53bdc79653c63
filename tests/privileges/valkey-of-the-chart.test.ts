import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Backend } from '@mailx/backends/backend'
import { findBinary } from '@mailx/backends/find-binary'
import { withPort } from '@mailx/backends/free-port'
import { runServer } from '@mailx/backends/run-server'
import { redisProgram } from '@mailx/backends/start-redis'
import { connectRedis } from '@mailx/cache/connect'
import { rateLimiter } from '@mailx/cache/rate-limit'
import { readThrough } from '@mailx/cache/read-through'
import { redisStats } from '@mailx/runtime/server-stats'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { profile } from '../chart/helm.ts'
import { ofKind, render } from '../chart/manifest.ts'
import { madeSecrets } from './made-secrets.ts'

const PASSWORD = 'a'.repeat(64)

let folder: string
let server: Backend
let url: string

// The server of the chart, as its Deployment starts it, but for where it listens.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailx-chart-valkey-'))
  const manifests = await render({ values: [profile('dev')] })
  const secrets = madeSecrets(manifests, PASSWORD)
  await writeFile(join(folder, 'users.acl'), secrets['users.acl'] ?? '')
  const deployment = ofKind(manifests, 'Deployment').find(
    ({ metadata }) => metadata.name === 'mailx-valkey',
  )
  const args = ((deployment?.['spec'].template.spec.containers[0].args ?? []) as string[]).map(
    (arg) => arg.replace('/etc/valkey', folder).replace(/^\/tmp$/, folder),
  )
  const { env, file, version } = await findBinary(redisProgram, () => {})
  const log = join(folder, 'server.log')
  server = await withPort(undefined, (port) =>
    runServer({
      plan: {
        name: 'Valkey',
        file,
        args: [...args, '--bind', '127.0.0.1', '--port', String(port)],
        env: { ...process.env, ...env },
        logFile: log,
        stopSignal: 'TERM',
        isReady: async () => (await readFile(log, 'utf8')).includes('Ready to accept connections'),
        temporary: [],
      },
      url: `redis://127.0.0.1:${port}`,
      port,
      source: `${file} ${version}`,
      say: () => {},
    }),
  )
  const given = new URL(secrets['REDIS_URL'] ?? '')
  expect(given.hostname).toBe('mailx-valkey.mail.svc')
  given.host = new URL(server.url).host
  url = given.href
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

const connected = async <Result>(to: string, work: (redis: Redis) => Promise<Result>) => {
  const redis = await connectRedis({ url: to })
  try {
    return await work(redis)
  } finally {
    redis.disconnect()
  }
}

test('with the password that was made, services may do what they do', async () => {
  await connected(url, async (redis) => {
    const limits = { redis, name: 'chart', points: 1, durationMs: 1_000 } as const
    const { consume } = rateLimiter({ ...limits, onRedisDown: 'refuse' })
    await consume('alice@a.test')
    await expect(consume('alice@a.test')).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    let loads = 0
    const cache = readThrough<Uint8Array>(redis, {
      prefix: 'chart',
      ttlMs: 10_000,
      load: async () => Buffer.from(String((loads += 1))),
      encode: (bytes) => bytes,
      decode: (bytes) => bytes,
    })
    await cache.get('a')
    await expect.poll(() => redis.dbsize()).toBeGreaterThan(1)
    await cache.forget('a')
    expect((await redisStats(redis)).memoryLimitBytes).toBeGreaterThan(0)
  })
})

test('nobody else gets in, and nobody empties or rules it', async () => {
  const stranger = new URL(url)
  stranger.password = ''
  await expect(connected(stranger.href, (redis) => redis.get('a'))).rejects.toThrow(
    /NOAUTH|isn't writeable/,
  )
  await connected(url, async (redis) => {
    for (const command of [['flushall'], ['config', 'get', '*'], ['shutdown'], ['acl', 'list']]) {
      const [name = '', ...args] = command
      await expect(redis.call(name, ...args)).rejects.toThrow(/NOPERM/)
    }
  })
})
