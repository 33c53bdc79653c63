import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Logger } from '@mailx/telemetry/logger'
import { bind } from './listen-for-clients.ts'
import { type ContextOf, limitHandshakes, tlsOptions } from './tls-options.ts'

const PATH = '/.well-known/mailx-server'
const MAX_AGE_S = 300

export type WellKnownPort = {
  readonly address: string
  readonly stop: () => Promise<void>
}

type Options = {
  readonly listen: string
  readonly contextOf: ContextOf
  readonly handshakes: number
  /** The domain that a host name belongs to, if it is hosted here. */
  readonly domainOfHost: (host: string) => string | undefined
  readonly documentOf: (domain: string) => Promise<Uint8Array>
  readonly logger: Logger
}

/** HTTPS for one thing: the signed document of a hosted domain, by the Host header. */
export async function serveWellKnown(options: Options): Promise<WellKnownPort> {
  const server = createServer(
    { ...tlsOptions(options.contextOf), ALPNProtocols: ['http/1.1'], maxHeaderSize: 8 * 1024 },
    (request, response) => {
      answer(request, response, options).catch((error: unknown) => {
        options.logger.warn({ err: error }, 'the well-known document could not be served')
        fail(response, 503, 'try again later')
      })
    },
  )
  server.requestTimeout = 10_000
  server.headersTimeout = 10_000
  server.keepAliveTimeout = 5_000
  server.maxRequestsPerSocket = 100
  limitHandshakes(server, options.handshakes)
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  const address = await bind(server, options.listen, 'HTTPS_LISTEN')
  return {
    address,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { domainOfHost, documentOf }: Options,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return fail(response, 405, 'only GET and HEAD')
  }
  if (request.url?.split('?')[0] !== PATH) return fail(response, 404, `there is only ${PATH}`)
  const domain = domainOfHost((request.headers.host ?? '').replace(/:\d+$/, ''))
  if (domain === undefined) return fail(response, 404, 'this domain is not hosted here')
  let document: Uint8Array
  try {
    document = await documentOf(domain)
  } catch (error) {
    if (!(error instanceof MailxError) || error.code !== 'NOT_FOUND') throw error
    return fail(response, 404, 'this domain is not hosted here')
  }
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': document.length,
    'cache-control': `max-age=${MAX_AGE_S}`,
    'x-content-type-options': 'nosniff',
  })
  response.end(request.method === 'HEAD' ? undefined : document)
}

function fail(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(status, { 'content-type': 'text/plain' }).end(`${message}\n`)
}
