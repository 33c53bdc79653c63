import { createServer } from 'node:net'

/** A TCP port of the loopback interface that nobody listens on at this moment. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })

const ATTEMPTS = 5

/**
 * Runs `start` with the wanted port, or with free ones until one is still free when the server
 * binds it.
 */
export async function withPort<T>(
  wanted: number | undefined,
  start: (port: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(wanted ?? (await freePort()))
    } catch (error) {
      const taken = error instanceof Error && /address already in use/i.test(error.message)
      if (wanted !== undefined || !taken || attempt === ATTEMPTS) throw error
    }
  }
}
