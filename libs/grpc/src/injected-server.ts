import type { Duplex } from 'node:stream'
import { ServerCredentials } from '@grpc/grpc-js'
import { setReceiveWindow } from './receive-window.ts'
import { createServer, type ServerSettings, stopServer } from './server.ts'

export type InjectedServer = {
  /** Hands over a connection whose owner is already known. Set `authorized` on a TLS socket first. */
  readonly inject: (socket: Duplex) => void
  readonly setReady: (ready: boolean) => void
  readonly stop: (options?: { readonly graceMs?: number }) => Promise<void>
}

export type InjectedServerSettings = ServerSettings & {
  /** What a client may send ahead of its reader, per call and per connection; 64 KiB if left out. */
  readonly receiveWindowBytes?: number
}

/**
 * A gRPC server without a port: someone else accepts connections, decides who may speak, and only then
 * hands the socket over. The owner of the listener closes it before calling `stop`.
 */
export function createInjectedServer({
  receiveWindowBytes,
  ...settings
}: InjectedServerSettings): InjectedServer {
  const grpc = createServer({ health: false, ...settings })
  const injector = grpc.server.createConnectionInjector(ServerCredentials.createInsecure())
  return {
    inject: (socket) => {
      if (receiveWindowBytes !== undefined) setReceiveWindow(socket, receiveWindowBytes)
      injector.injectConnection(socket)
    },
    setReady: grpc.health.set,
    stop: async ({ graceMs = 5_000 } = {}) => {
      await stopServer(grpc, graceMs)
      injector.destroy()
    },
  }
}
