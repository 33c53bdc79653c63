import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { PeerCertificate } from '../peer-certificate.ts'

export type WellKnownServer = {
  readonly port: number
  /** Host headers of the requests so far. */
  readonly hosts: readonly string[]
  /** Serves these bytes, or lets a function answer. */
  serve(what: Uint8Array | RequestListener): void
  stop(): Promise<void>
}

const notFound: RequestListener = (_, response) => {
  response.writeHead(404).end()
}

/** An HTTPS server on loopback, with any certificate at all. */
export async function wellKnownServer(certificate: PeerCertificate): Promise<WellKnownServer> {
  let answer = notFound
  const hosts: string[] = []
  const { certPem: cert, keyPem: key } = certificate
  const server: Server = createServer({ cert, key }, (request, response) => {
    hosts.push(request.headers.host ?? '')
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    hosts,
    serve: (what) => {
      answer =
        typeof what === 'function'
          ? what
          : (request, response) => {
              const found = request.url === '/.well-known/mailx-server'
              response.writeHead(found ? 200 : 404).end(found ? what : undefined)
            }
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
