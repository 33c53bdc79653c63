import type { Server } from 'node:https'
import { type WebSocket, WebSocketServer } from 'ws'

/** Of an API server's world. */
type Reachable = {
  readonly namespace: string
  readonly answers: Readonly<Record<string, string>>
  readonly rights: Readonly<Record<string, readonly string[]>>
}

const PROTOCOL = 'v4.channel.k8s.io'
const [DATA, TROUBLE] = [0, 1]

/**
 * GET …/pods/<pod>/portforward?ports=<port> as the API server and kubelet have it: over a websocket
 * whose messages begin with a channel, and whose channels begin with the port. What listens there
 * answers one HTTP request.
 */
export function forwardPorts(server: Server, world: Reachable): void {
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (wanted) => (wanted.has(PROTOCOL) ? PROTOCOL : false),
  })
  server.on('upgrade', (request, socket, head) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
    const url = new URL(request.url ?? '/', 'https://127.0.0.1')
    const pods = `/api/v1/namespaces/${world.namespace}/pods/`
    const [pod = '', what] = url.pathname.startsWith(pods)
      ? url.pathname.slice(pods.length).split('/')
      : []
    const allowed = world.rights[token]?.includes('create pods/portforward') === true
    if (what !== 'portforward' || !allowed) {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
      return
    }
    const port = Number(url.searchParams.get('ports'))
    sockets.handleUpgrade(request, socket, head, (through) => {
      forward(through, port, (path) => world.answers[`${pod}:${port}${path}`])
    })
  })
}

function forward(
  through: WebSocket,
  port: number,
  answerOf: (path: string) => string | undefined,
): void {
  const send = (channel: number, bytes: Uint8Array) =>
    through.send(Buffer.concat([Buffer.of(channel), bytes]))
  for (const channel of [DATA, TROUBLE]) send(channel, Buffer.of(port & 0xff, port >> 8))
  let asked = ''
  through.on('message', (message: Buffer) => {
    if (message[0] !== DATA) return
    asked += message.subarray(1).toString()
    if (!asked.includes('\r\n\r\n')) return
    const text = answerOf(/^GET (\S+) HTTP\/1\.1\r\n/.exec(asked)?.[1] ?? '')
    if (text === undefined) {
      send(TROUBLE, Buffer.from(`an error occurred forwarding ${port}: connection refused`))
    } else {
      const head = `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n`
      const whole = Buffer.from(head + text)
      // Where a message ends means nothing.
      for (const part of [whole.subarray(0, 70), whole.subarray(70)]) send(DATA, part)
    }
    through.close()
  })
}
