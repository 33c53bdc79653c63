import { contextNames } from '@mailx/events/contexts'
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/nats-core'

type LogStream = Partial<StreamConfig> & { readonly name: string }

const MiB = 1024 * 1024
const STREAM_NOT_FOUND = 10059
/** No suitable peers for placement; replicas not supported in non-clustered mode. */
const TOO_FEW_SERVERS = [10005, 10074]

export const streamName = (context: string): string => `LOG_${context}`

export const subjectOf = (context: string, partition: string): string =>
  `log.${context}.${partition}`

/**
 * One stream per context. It holds the last stretch of what Postgres holds for good, so it is small,
 * drops its oldest messages when full, and may be lost.
 */
const logStream = (context: string): LogStream => ({
  name: streamName(context),
  subjects: [`log.${context}.*`],
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.Old,
  max_bytes: 64 * MiB,
  max_age: nanos(60 * 60 * 1000),
  duplicate_window: nanos(2 * 60 * 1000),
})

/** All streams of MailX. */
export const streams = contextNames.map(logStream)

/**
 * Creates the streams that are missing, with three copies in a NATS cluster. Those that are there
 * stay as they are, so an operator may change their limits.
 */
export async function ensureStreams(
  connection: NatsConnection,
  contexts: readonly string[] = contextNames,
): Promise<void> {
  const manager = await jetstreamManager(connection, { checkAPI: false, timeout: 2000 })
  const copies = connection.info?.cluster === undefined ? 1 : 3
  for (const stream of contexts.map(logStream)) {
    if (!(await exists(manager, stream.name))) await create(manager, stream, copies)
  }
}

/** Whether the server said that there is no such stream. */
export const isStreamMissing = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND

async function exists(manager: JetStreamManager, name: string): Promise<boolean> {
  try {
    await manager.streams.info(name)
    return true
  } catch (error) {
    if (isStreamMissing(error)) return false
    throw error
  }
}

async function create(manager: JetStreamManager, stream: LogStream, copies: number): Promise<void> {
  try {
    await manager.streams.add({ ...stream, num_replicas: copies })
  } catch (error) {
    const tooFew = error instanceof JetStreamApiError && TOO_FEW_SERVERS.includes(error.code)
    if (!tooFew || copies === 1) throw error
    await create(manager, stream, 1)
  }
}
