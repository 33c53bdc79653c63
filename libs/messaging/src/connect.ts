import { MailxError } from '@mailx/errors/mailx-error'
import { type NatsConnection, nkeyAuthenticator } from '@nats-io/nats-core'
import { connect, type NodeConnectionOptions } from '@nats-io/transport-node'

export type NatsOptions = {
  /** One or several servers of a cluster, separated by commas. User and password may be in it. */
  readonly url: string
  /** Shown in the server's list of connections. */
  readonly name: string
  /** The seed of a user's nkey (SU…), asked for at every connection. */
  readonly seed?: () => string
  /** The start of the subjects on which answers come, when only that may be listened to. */
  readonly inboxPrefix?: string
  /** Certificate authority and own certificate (PEM), when the servers want TLS. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

const MINIMUM_VERSION = [2, 9, 4] as const

/**
 * A connection that comes back by itself, to servers with JetStream. UNAVAILABLE when there is none,
 * UNSAFE_CONFIGURATION when it cannot carry the log.
 */
export async function connectNats(options: NatsOptions): Promise<NatsConnection> {
  const { url, name, inboxPrefix, seed, tls } = options
  const connection = await open({
    name,
    ...serversOf(url),
    timeout: 5000,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 5000,
    // Otherwise the client records a stack trace with every publish.
    noAsyncTraces: true,
    ...(inboxPrefix !== undefined && { inboxPrefix }),
    ...(seed !== undefined && { authenticator: nkeyAuthenticator(() => utf8.encode(seed())) }),
    ...(tls !== undefined && { tls }),
  })
  try {
    await assertJetStream(connection)
  } catch (error) {
    await connection.close()
    throw error
  }
  return connection
}

const utf8 = new TextEncoder()

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
    const reason = error instanceof Error ? error.message : String(error)
    throw new MailxError('UNAVAILABLE', `NATS cannot be reached: ${reason}`, {
      cause: error,
      retryAfterMs: 1000,
    })
  }
}

function serversOf(url: string): NodeConnectionOptions {
  const servers: string[] = []
  let credentials: NodeConnectionOptions = {}
  for (const server of url.split(',')) {
    const { hostname, port, username, password } = new URL(server.trim())
    servers.push(`${hostname}:${port || '4222'}`)
    if (password) {
      credentials = { user: decodeURIComponent(username), pass: decodeURIComponent(password) }
    } else if (username) credentials = { token: decodeURIComponent(username) }
  }
  return { servers, ...credentials }
}

function isAtLeast(version: string): boolean {
  const parts = version.split(/[.-]/).map(Number)
  for (const [i, minimum] of MINIMUM_VERSION.entries()) {
    const part = parts[i] ?? 0
    if (part !== minimum) return part > minimum
  }
  return true
}
