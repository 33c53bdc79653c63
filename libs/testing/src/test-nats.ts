import { startNats } from '@mailx/backends/start-nats'
import { takeNumber, testServers } from './test-servers.ts'

export type TestNats = {
  readonly url: string
  drop(): Promise<void>
}

/**
 * A JetStream without streams that no other test sees: an account of the run's nats-server, or a
 * server of its own when all accounts are taken. A test that stops or breaks its server uses
 * `startNats({ own: true })` of the backends.
 */
export async function testNats(): Promise<TestNats> {
  const { natsUrls, counters } = testServers()
  const url = natsUrls[takeNumber(counters, 'nats')]
  if (url !== undefined) return { url, drop: async () => {} }
  const server = await startNats({ own: true, say: () => {} })
  return { url: server.url, drop: server.stop }
}
