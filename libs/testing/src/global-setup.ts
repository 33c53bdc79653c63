import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sayOnStderr } from '@mailx/backends/backend'
import { startNats } from '@mailx/backends/start-nats'
import { startPostgres } from '@mailx/backends/start-postgres'
import { startRedis } from '@mailx/backends/start-redis'
import { principals } from '@mailx/privileges/services'
import type { TestProject } from 'vitest/node'
import { roomyDir } from './roomy-dir.ts'
import type { TestServers } from './test-servers.ts'

const accounts = Array.from({ length: 128 }, (_, index) => `a${index}`)

/** Starts the servers of the integration tests before the first one, and ends them after the last. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const tempDir = roomyDir()
  const options = { say: sayOnStderr, tempDir }
  const counters = await mkdtemp(join(tempDir, 'mailx-tests-'))
  const [postgres, nats, redis] = await Promise.all([
    startPostgres(options),
    startNats({ ...options, accounts }),
    startRedis(options),
  ])
  const servers: TestServers = {
    postgresUrl: postgres.url,
    natsAccounts: accounts.map((account) => ({
      url: nats.urlOf(account),
      seeds: Object.fromEntries(principals.map((one) => [one, nats.seedOf(account, one)])),
    })),
    redisUrl: redis.url,
    counters,
  }
  project.provide('servers', servers)
  return async () => {
    await Promise.all([postgres.stop(), nats.stop(), redis.stop()])
    await rm(counters, { recursive: true })
  }
}
