import type { Duplex } from 'node:stream'
import { ServerCredentials } from '@grpc/grpc-js'
import { createServer, type ServerSettings, stopServer } from './server.ts'

export type InjectedServer = {
  /** Hands over a connection whose owner is already known. Set `authorized` on a TLS socket first. */
  readonly inject: (socket: Duplex) => void
  readonly setReady: (ready: boolean) => void
  readonly stop: (options?: { readonly graceMs?: number }) => Promise<void>
}

/**
 * A gRPC server without a port: someone else accepts connections, decides who may speak, and only then
 * hands the socket over. The owner of the listener closes it before calling `stop`.
 */
export function createInjectedServer(settings: ServerSettings): InjectedServer {
  const grpc = createServer({ health: false, ...settings })
  const injector = grpc.server.createConnectionInjector(ServerCredentials.createInsecure())
  return {
    inject: (socket) => injector.injectConnection(socket),
    setReady: grpc.health.set,
    stop: async ({ graceMs = 5_000 } = {}) => {
      await stopServer(grpc, graceMs)
      injector.destroy()
    },
  }
}
