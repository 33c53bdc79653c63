import {
  type Client,
  type ClientOptions,
  makeGenericClientConstructor,
  type ServerInterceptor,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { createLogger } from '@mailx/telemetry/logger'
import { connectGrpc, type UnaryMethod } from './client.ts'
import type { BidiMethod, ServerStreamMethod } from './client-stream.ts'
import { serveGrpc } from './serve.ts'
import type { ServerSettings } from './server.ts'

// For tests: a service whose messages are texts (not empty ones, which grpc-js takes for none).
const texts = {
  requestSerialize: (text: string) => Buffer.from(text),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (text: string) => Buffer.from(text),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
}

const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/mailx.test.v1.EchoService/${name}`,
  requestStream,
  responseStream,
  ...texts,
})

export const EchoService = {
  echo: method('Echo', false, false),
  chat: method('Chat', true, true),
  listen: method('Listen', false, true),
} satisfies ServiceDefinition

export type EchoClient = Client & {
  readonly echo: UnaryMethod<string, string>
  readonly chat: BidiMethod<string, string>
  readonly listen: ServerStreamMethod<string, string>
}

export const EchoClientConstructor = makeGenericClientConstructor(
  EchoService,
  'EchoService',
) as unknown as new (
  ...args: ConstructorParameters<typeof Client>
) => EchoClient

export type LogLine = Readonly<Record<string, unknown>>

/** The settings of a test's server, and what it logs. */
export function echoSettings(implementation: UntypedServiceImplementation): {
  settings: ServerSettings
  lines: LogLine[]
} {
  const lines: LogLine[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const telemetry = { service: 'echo', logger: createLogger({ service: 'echo', destination }) }
  const services = [{ definition: EchoService, implementation }]
  return { settings: { services, telemetry }, lines }
}

/** A server on a free port and a client of it. `stop` ends both. */
export async function startEcho(
  implementation: UntypedServiceImplementation,
  {
    listen = '127.0.0.1:0',
    options = {},
    interceptors = [],
    ...limits
  }: {
    listen?: string
    options?: ClientOptions
    interceptors?: ServerInterceptor[]
  } & Partial<ServerSettings> = {},
) {
  const { settings, lines } = echoSettings(implementation)
  const server = await serveGrpc({ ...settings, ...limits, listen, options: { interceptors } })
  const client = connectGrpc(EchoClientConstructor, server.address, { options })
  const stop = async (graceMs = 500) => {
    client.close()
    await server.stop({ graceMs })
  }
  return { server, client, lines, stop }
}
