import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * What the proxy does with bytes of either side: `forward` passes them on, `hold` keeps them until
 * it forwards again (a stalled network), `discard` loses them (a network that swallows), `refuse`
 * does as `forward`, but closes every new connection at once (a server that is down).
 */
export type ProxyMode = 'forward' | 'hold' | 'discard' | 'refuse'

export type TcpProxy = {
  readonly port: number
  /** How many connections go through it now. */
  readonly connections: number
  /** How many bytes it has lost so far. */
  readonly discarded: number
  /** The same URL, but by way of the proxy. */
  through(url: string): string
  set(mode: ProxyMode): void
  /** Each piece of data waits this long before it is passed on. */
  setDelay(ms: number): void
  /** Resets every connection (RST). */
  cut(): void
  stop(): Promise<void>
}

type Target = { readonly host?: string; readonly port: number }

/** A TCP proxy on loopback between a client and `target`, under a test's control. */
export async function tcpProxy({
  target,
}: {
  readonly target: Target | string
}): Promise<TcpProxy> {
  const { host = '127.0.0.1', port: targetPort } = readTarget(target)
  const pairs = new Set<readonly [Socket, Socket]>()
  let mode: ProxyMode = 'forward'
  let delayMs = 0
  let discarded = 0
  let gate = openGate()

  const pipe = (from: Socket, to: Socket) => {
    // One piece after the other: their order is kept whatever the delay.
    let last = Promise.resolve()
    const inOrder = (work: () => void) => {
      last = last.then(async () => {
        if (delayMs > 0) await delay(delayMs)
        await gate.opened
        work()
      })
    }
    from.on('data', (piece) => {
      if (mode === 'discard') {
        discarded += piece.length
        return
      }
      inOrder(() => {
        if (to.writable) to.write(piece)
      })
    })
    from.on('end', () => inOrder(() => to.end()))
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (mode === 'refuse') {
      client.resetAndDestroy()
      return
    }
    const upstream = connect({ host, port: targetPort, allowHalfOpen: true })
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
    pipe(client, upstream)
    pipe(upstream, client)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0

  const cut = () => {
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
  }
  return {
    port,
    get connections() {
      return pairs.size
    },
    get discarded() {
      return discarded
    },
    through(url) {
      const changed = new URL(url)
      changed.host = `127.0.0.1:${port}`
      return changed.href
    },
    set(next) {
      mode = next
      gate.open()
      gate = mode === 'hold' ? closedGate() : openGate()
    },
    setDelay(ms) {
      delayMs = ms
    },
    cut,
    stop: () =>
      new Promise((resolve) => {
        gate.open()
        server.close(() => resolve())
        cut()
      }),
  }
}

type Gate = { readonly opened: Promise<void>; open(): void }

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
