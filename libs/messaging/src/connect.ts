import { MailxError } from '@mailx/errors/mailx-error'
import { tlsTrouble } from '@mailx/errors/tls-trouble'
import type { NatsConnection } from '@nats-io/nats-core'
import { connect, type NodeConnectionOptions } from '@nats-io/transport-node'
import { type NatsAccess, natsAccess } from './nats-access.ts'

export type NatsOptions = NatsAccess & {
  /** Shown in the server's list of connections. */
  readonly name: string
  /** The start of the subjects on which answers come, when only that may be listened to. */
  readonly inboxPrefix?: string
}

const MINIMUM_VERSION = [2, 9, 4] as const

/**
 * A connection that comes back by itself, to servers with JetStream. UNAVAILABLE when there is none, or
 * not safely where TLS is asked for; UNSAFE_CONFIGURATION when it cannot carry the log.
 */
export async function connectNats(options: NatsOptions): Promise<NatsConnection> {
  const { name, inboxPrefix } = options
  const connection = await open({
    name,
    ...natsAccess(options),
    timeout: 5000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 5000,
    // A password that is changed here before or after the server is no reason to give up.
    ignoreAuthErrorAbort: true,
    // Otherwise the client records a stack trace with every publish.
    noAsyncTraces: true,
    ...(inboxPrefix !== undefined && { inboxPrefix }),
  })
  try {
    await assertJetStream(connection)
  } catch (error) {
    await connection.close()
    throw error
  }
  return connection
}

/** Throws UNSAFE_CONFIGURATION, saying what to set, when the server cannot carry the log. */
export async function assertJetStream(connection: NatsConnection): Promise<void> {
  const info = connection.info
  if (info === undefined || !isAtLeast(info.version)) {
    throw new MailxError(
      'UNSAFE_CONFIGURATION',
      `nats-server ${MINIMUM_VERSION.join('.')} or newer is needed, this is ${info?.version}`,
    )
  }
  if (info.jetstream !== true) {
    throw new MailxError(
      'UNSAFE_CONFIGURATION',
      'NATS runs without JetStream: start nats-server with -js, or set jetstream {} in its configuration',
    )
  }
}

async function open(options: NodeConnectionOptions): Promise<NatsConnection> {
  try {
    return await connect(options)
  } catch (error) {
    throw new MailxError('UNAVAILABLE', troubleWithNats(error), {
      cause: error,
      retryAfterMs: 1000,
    })
  }
}

function troubleWithNats(error: unknown): string {
  const unsafe = tlsTrouble(error, 'NATS')
  if (unsafe !== undefined) return `NATS is not there by TLS: ${unsafe}`
  return `NATS cannot be reached: ${error instanceof Error ? error.message : String(error)}`
}

function isAtLeast(version: string): boolean {
  const parts = version.split(/[.-]/).map(Number)
  for (const [i, minimum] of MINIMUM_VERSION.entries()) {
    const part = parts[i] ?? 0
    if (part !== minimum) return part > minimum
  }
  return true
}
