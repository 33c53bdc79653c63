import type { Socket } from 'node:net'
import type { ChannelCredentials } from '@grpc/grpc-js'

const CONNECT_LIMIT_MS = 10_000

/**
 * Gives each attempt to connect 10 s for TLS, and 10 s more for the first words of HTTP/2; then it counts
 * as failed and the next one follows. gRPC-js itself waits for ever for a server, or a proxy before it,
 * that takes the connection and says nothing (grpc/grpc-node#2785), and no deadline of a call ends that.
 * It changes `made` and returns it.
 */
export function limitConnecting(
  made: ChannelCredentials,
  limitMs: number = CONNECT_LIMIT_MS,
): ChannelCredentials {
  // oxlint-disable no-underscore-dangle -- abstract and public in gRPC's own types
  const create = made._createSecureConnector.bind(made)
  made._createSecureConnector = (...words) => {
    const connector = create(...words)
    return {
      connect: async (tcp) => {
        const giveUp = () => tcp.destroy(new Error(`no TLS handshake within ${limitMs} ms`))
        const timer = setTimeout(giveUp, limitMs)
        try {
          const result = await connector.connect(tcp)
          expectWords(result.socket, limitMs)
          return result
        } finally {
          clearTimeout(timer)
        }
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    }
  }
  // oxlint-enable no-underscore-dangle
  return made
}

/** A server's first words are its SETTINGS (RFC 9113 section 3.4), which it sends without being asked. */
function expectWords(socket: Socket, limitMs: number): void {
  const timer = setTimeout(() => {
    if (socket.bytesRead === 0) {
      socket.destroy(new Error(`no HTTP/2 SETTINGS within ${limitMs} ms`))
    }
  }, limitMs)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
