import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * What the proxy does with bytes of either side: `forward` passes them on, `hold` keeps them until
 * it forwards again (a stalled network), `discard` loses them (a network that swallows), `refuse`
 * resets every connection, and every new one at once (a server that is down).
 */
export type ProxyMode = 'forward' | 'hold' | 'discard' | 'refuse'

export type ProxyDirection = 'to-target' | 'from-target'

/**
 * Sees the bytes of one connection before they are passed on, and may change them. Undefined loses
 * the piece.
 */
export type ProxyTap = {
  toTarget?(piece: Buffer): Buffer | undefined
  fromTarget?(piece: Buffer): Buffer | undefined
}

export type TcpProxy = {
  readonly port: number
  /** How many connections go through it now. */
  readonly connections: number
  /** How often it got in the way so far: pieces lost, held or delayed, connections reset. */
  readonly hindered: number
  /** How many bytes it has lost so far. */
  readonly discarded: number
  /** The same URL, but by way of the proxy. */
  through(url: string): string
  /** For one direction, or for both. */
  set(mode: ProxyMode, direction?: ProxyDirection): void
  /** Each piece of data waits this long before it is passed on. */
  setDelay(ms: number): void
  /** Resets every connection (RST). */
  cut(): void
  stop(): Promise<void>
}

type Target = { readonly host?: string; readonly port: number }

type ProxyOptions = {
  /** Of several, each new connection goes to the next one that answers. */
  readonly target: Target | string | readonly (Target | string)[]
  /** Left out: a free one. */
  readonly port?: number
  /** Called for each connection; `cut` resets it. */
  readonly tap?: (connection: { cut(): void }) => ProxyTap
}

/** A TCP proxy on loopback between a client and `target`, under a test's control. */
export async function tcpProxy({ target, port: wanted = 0, tap }: ProxyOptions): Promise<TcpProxy> {
  const targets = (Array.isArray(target) ? target : [target]).map(readTarget)
  const pairs = new Set<readonly [Socket, Socket]>()
  const lines = { 'to-target': openLine(), 'from-target': openLine() }
  let next = 0
  let delayMs = 0
  let discarded = 0
  let hindered = 0

  const pipe = (
    from: Socket,
    to: Socket,
    direction: ProxyDirection,
    change: (piece: Buffer) => Buffer | undefined,
  ) => {
    const line = lines[direction]
    // One piece after the other: their order is kept whatever the delay.
    let last = Promise.resolve()
    const inOrder = (work: () => void) => {
      last = last.then(async () => {
        if (delayMs > 0) await delay(delayMs)
        await line.gate.opened
        work()
      })
    }
    from.on('data', (piece: Buffer) => {
      if (line.mode === 'hold' || line.mode === 'discard' || delayMs > 0) hindered += 1
      const changed = line.mode === 'discard' ? undefined : change(piece)
      if (changed === undefined) {
        discarded += piece.length
        return
      }
      inOrder(() => {
        if (to.writable) to.write(changed)
      })
    })
    from.on('end', () => inOrder(() => to.end()))
  }

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    void take(client)
  })
  const take = async (client: Socket) => {
    client.on('error', () => client.destroy())
    if (lines['to-target'].mode === 'refuse') {
      hindered += 1
      client.resetAndDestroy()
      return
    }
    const upstream = await dial(targets, next++)
    if (upstream === undefined || client.destroyed) {
      client.resetAndDestroy()
      upstream?.destroy()
      return
    }
    const pair = [client, upstream] as const
    pairs.add(pair)
    const close = () => {
      pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of pair) {
      // What goes wrong on one side reaches the other one as its end.
      socket.on('error', close)
      socket.on('close', close)
    }
    const seen = tap?.({ cut: () => reset(pair) })
    pipe(client, upstream, 'to-target', (piece) => (seen?.toTarget ?? keep)(piece))
    pipe(upstream, client, 'from-target', (piece) => (seen?.fromTarget ?? keep)(piece))
    client.resume()
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(wanted, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0

  const cut = () => {
    hindered += pairs.size
    for (const pair of pairs) reset(pair)
  }
  return {
    port,
    get connections() {
      return pairs.size
    },
    get hindered() {
      return hindered
    },
    get discarded() {
      return discarded
    },
    through(url) {
      const changed = new URL(url)
      changed.host = `127.0.0.1:${port}`
      return changed.href
    },
    set(mode, direction) {
      for (const one of directions) {
        if (direction !== undefined && direction !== one) continue
        const line = lines[one]
        line.mode = mode
        line.gate.open()
        line.gate = mode === 'hold' ? closedGate() : openGate()
      }
      if (mode === 'refuse') cut()
    },
    setDelay(ms) {
      delayMs = ms
    },
    cut,
    stop: () =>
      new Promise((resolve) => {
        for (const one of directions) lines[one].gate.open()
        server.close(() => resolve())
        cut()
      }),
  }
}

const directions: readonly ProxyDirection[] = ['to-target', 'from-target']

const keep = (piece: Buffer): Buffer => piece

function reset([client, upstream]: readonly [Socket, Socket]): void {
  client.resetAndDestroy()
  upstream.resetAndDestroy()
}

/** A connection to the first one, from `start` on, that takes it. */
async function dial(targets: readonly Target[], start: number): Promise<Socket | undefined> {
  for (let index = 0; index < targets.length; index++) {
    const { host = '127.0.0.1', port } = targets[(start + index) % targets.length] as Target
    const socket = connect({ host, port, allowHalfOpen: true })
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (connected) return socket
    socket.destroy()
  }
  return undefined
}

type Gate = { readonly opened: Promise<void>; open(): void }
type Line = { mode: ProxyMode; gate: Gate }

const openLine = (): Line => ({ mode: 'forward', gate: openGate() })

function closedGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

function openGate(): Gate {
  const gate = closedGate()
  gate.open()
  return gate
}

function readTarget(target: Target | string): Target {
  if (typeof target !== 'string') return target
  const { hostname, port } = new URL(target.includes('://') ? target : `tcp://${target}`)
  return { host: hostname, port: Number(port) }
}
