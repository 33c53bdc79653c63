import { subscribe } from 'node:diagnostics_channel'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'

const CREATED = 'http2.server.stream.created'
const windowOf = Symbol('receive window in bytes')

type Windowed = { [windowOf]?: number | undefined }

let listening = false

/**
 * How much the other end of a connection may send ahead of its reader, per stream and in all. Without
 * it HTTP/2 grants 64 KiB for the whole connection, and a message of more stands still for a round trip
 * of both event loops every 64 KiB. grpc-js gives `grpc-node.flow_control_window` to its clients alone
 * and shows nobody the sessions of its servers; Node tells of each new stream of a session.
 */
export function setReceiveWindow(socket: Duplex, bytes: number): void {
  const windowed = socket as Duplex & Windowed
  windowed[windowOf] = bytes
  if (listening) return
  listening = true
  subscribe(CREATED, (message) => {
    const { session } = (message as { readonly stream: ServerHttp2Stream }).stream
    if (session !== undefined) open(session as ServerHttp2Session)
  })
}

/** Once for each session, at its first stream. */
function open(session: ServerHttp2Session): void {
  const socket = session.socket as Windowed
  const bytes = socket[windowOf]
  if (bytes === undefined) return
  socket[windowOf] = undefined
  session.settings({ initialWindowSize: bytes })
  session.setLocalWindowSize(bytes)
}
