import { createServer } from 'node:net'

// Below the range from which systems take ports for outgoing connections: one of those could take a
// port between the moment it is picked and the moment a service listens on it.
const LOWEST = 20_000
const COUNT = 12_000
const picked = new Set<number>()

/** A loopback port that nobody listens on, never the same one twice. */
export async function pickPort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * COUNT)
    if (picked.has(port)) continue
    picked.add(port)
    if (await isFree(port)) return port
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
