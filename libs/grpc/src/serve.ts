import { ServerCredentials } from '@grpc/grpc-js'
import { MailxError } from '@mailx/errors/mailx-error'
import { createServer, type ServerSettings, stopServer } from './server.ts'

export type ServeOptions = ServerSettings & {
  /** "host:port" (port 0 takes a free one) or "unix:/path". */
  readonly listen: string
  /** Plain text when left out: for a loopback address or a unix socket. */
  readonly credentials?: ServerCredentials
}

export type ServedGrpc = {
  /** Where it listens, with the port it got: what a client's target is. */
  readonly address: string
  /** What `grpc.health.v1` says; NOT_SERVING until the first `setReady(true)`. */
  readonly setReady: (ready: boolean) => void
  /** No new calls; streams are asked to end; whatever runs after `graceMs` is cut. */
  readonly stop: (options?: { readonly graceMs?: number }) => Promise<void>
}

/** Starts a gRPC server. Rejects with a message that names the address when it cannot be bound. */
export async function serveGrpc({
  listen,
  credentials = ServerCredentials.createInsecure(),
  ...settings
}: ServeOptions): Promise<ServedGrpc> {
  const grpc = createServer(settings)
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  grpc.server.bindAsync(listen, credentials, (error, port) =>
    error === null ? resolve(port) : reject(error),
  )
  const port = await promise.catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    throw new MailxError(
      'FAILED_PRECONDITION',
      `${settings.telemetry.service} cannot listen on ${listen}: ${why} (free the address or choose another)`,
      { cause: error },
    )
  })
  return {
    address: listen.startsWith('unix:') ? listen : listen.replace(/:\d+$/, `:${port}`),
    setReady: grpc.health.set,
    stop: ({ graceMs = 5_000 } = {}) => stopServer(grpc, graceMs),
  }
}
