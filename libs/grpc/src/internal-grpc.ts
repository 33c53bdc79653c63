import type { ChannelCredentials, Client, ClientOptions } from '@grpc/grpc-js'
import { MailxError } from '@mailx/errors/mailx-error'
import type { InternalService } from './allowed-callers.ts'
import { connectGrpc } from './client.ts'
import { type ServedGrpc, serveGrpc } from './serve.ts'
import type { ServerSettings } from './server.ts'
import type { CallerName } from './service-id.ts'

export type InternalServeOptions = Omit<ServerSettings, 'services'> & {
  /** "host:port" (port 0 takes a free one) or "unix:/path". */
  readonly listen: string
  readonly services: readonly InternalService[]
}

/** How the services of a deployment speak with each other. */
export type InternalGrpc = {
  readonly serve: (options: InternalServeOptions) => Promise<ServedGrpc>
  /** A client of another service of the deployment, as `connectGrpc` makes it. */
  readonly connect: <C extends Client>(
    to: CallerName,
    Service: new (target: string, credentials: ChannelCredentials, options?: ClientOptions) => C,
    target: string,
  ) => C
}

/**
 * In plain text, and nobody is asked who they are: among the services of one process, or processes of
 * a developer. Throws UNSAFE_CONFIGURATION for an address that others can reach.
 */
export const plainGrpc: InternalGrpc = {
  serve: async ({ listen, ...settings }) => {
    stayHome(listen)
    return serveGrpc({ listen, ...settings })
  },
  connect: (_, Service, target) => {
    stayHome(target)
    return connectGrpc(Service, target)
  },
}

const home =
  /^(?:unix:.+|(?:(?:dns|ipv4|ipv6):\/{0,3})?(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]):\d+)$/

function stayHome(address: string): void {
  if (home.test(address)) return
  throw new MailxError(
    'UNSAFE_CONFIGURATION',
    `${address} is not on loopback: internal gRPC goes there by mutual TLS alone (set GRPC_CA_FILE, GRPC_CERT_FILE and GRPC_KEY_FILE)`,
  )
}
