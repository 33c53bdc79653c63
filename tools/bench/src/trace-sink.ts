import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A collector of traces that keeps nothing, so that only the price of sending them is measured. */
export type TraceSink = {
  /** What services are told, so that they trace this share of messages. */
  readonly env: Readonly<Record<string, string>>
  /** Bytes that have come so far. */
  readonly bytes: () => number
  stop(): void
}

/** `ratio` from 0 to 1. */
export async function startTraceSink(ratio: number): Promise<TraceSink> {
  let bytes = 0
  const server = createServer((request, response) => {
    request.on('data', (piece: Buffer) => {
      bytes += piece.length
    })
    request.on('end', () => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: String(ratio),
    },
    bytes: () => bytes,
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
