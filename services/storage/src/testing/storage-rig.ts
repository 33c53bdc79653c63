import { readConfig } from '@mailx/config/read-config'
import { randomBytes } from '@mailx/crypto/random'
import { callUnary, connectGrpc } from '@mailx/grpc/client'
import { plainGrpc } from '@mailx/grpc/internal-grpc'
import { openAnnouncement } from '@mailx/messaging/announcement'
import {
  type ListMessagesResponse,
  type MailboxChange,
  type MailboxEntry,
  MailboxesChanged,
  StorageServiceClient,
} from '@mailx/proto/storage/v1/storage_service'
import { openConnections } from '@mailx/runtime/connections'
import { createLogger } from '@mailx/telemetry/logger'
import { eventually } from '@mailx/testing/eventually'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { StorageConfig } from '../config.ts'
import { startStorage } from '../service.ts'

export type StorageRig = Awaited<ReturnType<typeof startRig>>

/** A storage service on real servers, with a client and what it says on NATS. */
export async function startRig(env: Readonly<Record<string, string>> = {}) {
  const [postgres, nats, redis] = await Promise.all([testPostgres(), testNats(), testRedis()])
  const busKey = randomBytes(32)
  const config = readConfig(StorageConfig, {
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    REDIS_URL: redis.url,
    BUS_KEY: Buffer.from(busKey).toString('base64'),
    STORAGE_ADDRESS: '127.0.0.1:0',
    LOG_PARTITIONS: '3',
    SHUTDOWN_GRACE_MS: '500',
    NODE_ENV: 'test',
    ...env,
  })
  const logger = createLogger({ service: 'storage', level: 'error' })
  const { signal } = new AbortController()
  const open = await openConnections(config, 'storage', { logger, signal })
  const announced = listen(open.connections.nats, busKey)
  const start = () =>
    startStorage({
      ...open.connections,
      config,
      internal: plainGrpc,
      now: Date.now,
      random: randomBytes,
      logger,
    })
  const service = await start()
  const client = connectGrpc(StorageServiceClient, String(service.addresses['grpc']))

  return {
    ...open.connections,
    config,
    client,
    announced,
    service,
    start,
    list: (mailbox: string, cursor: Uint8Array = new Uint8Array(0), limit = 100) =>
      callUnary(client.listMessages, { mailbox, cursor, limit }),
    /** Waits until the mailbox holds so many entries that are not deleted. */
    entries: (mailbox: string, count: number) => waitForEntries(client, mailbox, count),
    async stop() {
      client.close()
      await service.stop()
      await open.close()
      await Promise.all([postgres.drop(), nats.drop(), redis.drop()])
    },
  }
}

type Nats = Awaited<ReturnType<typeof openConnections>>['connections']['nats']

function listen(nats: Nats, busKey: Uint8Array): MailboxChange[] {
  const changes: MailboxChange[] = []
  nats.subscribe('mailboxes.changed', {
    callback: (_error, message) => {
      const bytes = openAnnouncement([busKey], message.subject, message.data)
      if (bytes) changes.push(...MailboxesChanged.decode(bytes).changes)
    },
  })
  return changes
}

function waitForEntries(
  client: StorageServiceClient,
  mailbox: string,
  count: number,
): Promise<readonly MailboxEntry[]> {
  return eventually(async () => {
    const entries = await listAll(client, mailbox)
    if (entries.length === count) return entries
    throw new Error(`${mailbox} has ${entries.length} entries, not ${count}`)
  })
}

async function listAll(client: StorageServiceClient, mailbox: string): Promise<MailboxEntry[]> {
  const entries: MailboxEntry[] = []
  let cursor: Uint8Array = new Uint8Array(0)
  for (;;) {
    const page: ListMessagesResponse = await callUnary(client.listMessages, {
      mailbox,
      cursor,
      limit: 100,
    })
    entries.push(...page.entries.filter(({ deleted }) => !deleted))
    cursor = page.cursor
    if (!page.more) return entries
  }
}
