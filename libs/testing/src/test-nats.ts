import { startNats } from '@mailx/backends/start-nats'
import { principals } from '@mailx/privileges/services'
import { type NatsAccess, takeNumber, testServers } from './test-servers.ts'

export type TestNats = NatsAccess & { drop(): Promise<void> }

/**
 * A JetStream without streams that no other test sees: an account of the run's nats-server, or a
 * server of its own when all accounts are taken. A test that stops or breaks its server uses
 * `startNats({ own: true })` of the backends.
 */
export async function testNats(): Promise<TestNats> {
  const { natsAccounts, counters } = testServers()
  const account = natsAccounts[takeNumber(counters, 'nats')]
  if (account !== undefined) return { ...account, drop: async () => {} }
  const server = await startNats({ own: true, say: () => {} })
  const seeds = Object.fromEntries(principals.map((one) => [one, server.seedOf('mailx', one)]))
  return { url: server.url, seeds, drop: server.stop }
}
