import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MailxError } from '@mailx/errors/mailx-error'
import { metricsText } from '@mailx/telemetry/metrics'
import { recentTroubles } from '@mailx/telemetry/recent-troubles'
import type { Readiness } from './readiness.ts'

export type OpsServer = {
  /** With the port it got. */
  readonly address: string
  readonly stop: () => Promise<void>
}

export type OpsSources = {
  /** Whether the service has been ready once. */
  readonly started: () => boolean
  readonly readiness: () => Readiness
}

/**
 * Plain HTTP for the operator's side: /livez (the process answers), /startupz (it came up), /readyz
 * (it can work now: 200, else 503; JSON with every check), /troubles (JSON: the last warnings and
 * errors) and /metrics (Prometheus). Never on an address that strangers reach.
 */
export async function startOpsServer(listen: string, sources: OpsSources): Promise<OpsServer> {
  const server = createServer((request, response) => {
    answer(request, response, sources).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end('internal error\n')
      process.emitWarning(`the ops server failed: ${String(error)}`)
    })
  })
  server.requestTimeout = 5_000
  server.headersTimeout = 5_000
  server.maxConnections = 200

  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  const unixPath = listen.startsWith('unix:') ? listen.slice('unix:'.length) : undefined
  if (unixPath === undefined) server.listen({ ...hostAndPort(listen) }, resolve)
  else server.listen(unixPath, resolve)
  await promise.catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    throw new MailxError(
      'INVALID_ARGUMENT',
      `OPS_LISTEN: cannot listen on ${listen}: ${why} (free the address or choose another)`,
      { cause: error },
    )
  })
  const address =
    unixPath === undefined
      ? listen.replace(/:\d+$/, `:${(server.address() as AddressInfo).port}`)
      : listen
  return {
    address,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped())
        server.closeAllConnections()
      }),
  }
}

async function answer(
  { headers, method, url = '/' }: IncomingMessage,
  response: ServerResponse,
  { started, readiness }: OpsSources,
): Promise<void> {
  const send = (status: number, contentType: string, body: string) => {
    response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' })
    response.end(method === 'HEAD' ? undefined : body)
  }
  if (method !== 'GET' && method !== 'HEAD') return send(405, 'text/plain', 'only GET and HEAD\n')
  const path = url.split('?')[0]
  if (path === '/livez' || (path === '/startupz' && started()))
    return send(200, 'text/plain', 'ok\n')
  if (path === '/readyz' || path === '/startupz') {
    const state = readiness()
    return send(path === '/readyz' && state.ready ? 200 : 503, 'application/json', json(state))
  }
  if (path === '/troubles') return send(200, 'application/json', json(recentTroubles()))
  if (path === '/metrics') {
    const { contentType, text } = await metricsText(headers.accept)
    return send(200, contentType, text)
  }
  return send(404, 'text/plain', 'there are /livez /startupz /readyz /troubles /metrics\n')
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

function hostAndPort(listen: string): { host: string; port: number } {
  const colon = listen.lastIndexOf(':')
  return {
    host: listen.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(listen.slice(colon + 1)),
  }
}
