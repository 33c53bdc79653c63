import { connectNats } from '@mailx/messaging/connect'
import { type JetStreamManager, jetstreamManager, type StreamInfo } from '@nats-io/jetstream'
import { domains, type Rig } from './rig.ts'

/** Does the work in the account of each domain, as an administrator of the server could. */
export async function jetStreamOf(
  rig: Rig,
  work: (manager: JetStreamManager) => Promise<void>,
): Promise<void> {
  for (const domain of domains) {
    const url = rig.servers.nats.urlOf(domain)
    const connection = await connectNats({ url, name: 'faults' })
    try {
      await work(await jetstreamManager(connection, { checkAPI: false }))
    } finally {
      await connection.close()
    }
  }
}

/** Those there are; rejects when there is none, for then there is nothing to break. */
export async function streamsOf(manager: JetStreamManager): Promise<readonly StreamInfo[]> {
  const found: StreamInfo[] = []
  for await (const stream of manager.streams.list()) found.push(stream)
  if (found.length === 0) throw new Error('there is no stream')
  return found
}
