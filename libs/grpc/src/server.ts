import {
  Server,
  type ServerOptions,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { Logger } from '@mailx/telemetry/logger'
import { addHealth, type Health } from './health.ts'
import { type ServerCall, type ServerContext, setServerContext } from './rpc-call.ts'

/** A generated service definition and the handlers for it. */
export type GrpcService = {
  readonly definition: ServiceDefinition
  readonly implementation: UntypedServiceImplementation
}

export type ServerTelemetry = {
  /** The MailX service whose spans, metrics and log lines these are. */
  readonly service: string
  readonly logger: Logger
}

export type ServerSettings = {
  readonly services: readonly GrpcService[]
  readonly telemetry: ServerTelemetry
  /** The largest message taken in, inflated. */
  readonly maxMessageBytes?: number
  /** After this long a connection is asked to be opened again, so that load spreads over replicas. */
  readonly maxConnectionAgeMs?: number
  /** How long streams of an aged connection may go on. */
  readonly maxConnectionAgeGraceMs?: number
  readonly maxStreamsPerConnection?: number
  /** Leaves out `grpc.health.v1`, for servers that strangers reach. */
  readonly health?: boolean
  /** Further options of grpc-js: interceptors, flow control. */
  readonly options?: ServerOptions
}

export type GrpcServer = {
  readonly server: Server
  readonly health: Health
  /** Ends open streams kindly; called when the server begins to stop. */
  readonly drain: () => void
}

const MIB = 1024 * 1024

/** A server with limits, health, and handlers that know which service they belong to. */
export function createServer({
  services,
  telemetry,
  maxMessageBytes = 4 * MIB,
  maxConnectionAgeMs = 60 * 60_000,
  maxConnectionAgeGraceMs = 5 * 60_000,
  maxStreamsPerConnection = 1_000,
  health = true,
  options: furtherOptions = {},
}: ServerSettings): GrpcServer {
  const options: ServerOptions = {
    'grpc.max_receive_message_length': maxMessageBytes,
    // Answers to a fetch carry several messages.
    'grpc.max_send_message_length': Math.max(16 * MIB, maxMessageBytes),
    'grpc.max_concurrent_streams': maxStreamsPerConnection,
    'grpc.max_connection_age_ms': maxConnectionAgeMs,
    'grpc.max_connection_age_grace_ms': maxConnectionAgeGraceMs,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc-node.max_session_memory': 64,
    // On by default, and to be left so: without it grpc-js forgets its sessions, and forceShutdown
    // cuts nothing.
    'grpc.enable_channelz': 1,
    ...furtherOptions,
  }
  const server = new Server(options)
  const draining = new AbortController()
  const context: ServerContext = { ...telemetry, draining: draining.signal }
  for (const { definition, implementation } of services) {
    server.addService(definition, inContext(implementation, context))
  }
  const names = services.flatMap(({ definition }) => serviceNames(definition))
  return {
    server,
    health: health ? addHealth(server, names) : { set: () => {}, close: () => {} },
    drain: () => draining.abort(),
  }
}

/** Shuts down: at once when idle, otherwise after the calls under way or `graceMs`. */
export async function stopServer({ server, health, drain }: GrpcServer, graceMs: number) {
  health.close()
  drain()
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(() => {
    server.forceShutdown()
    resolve()
  }, graceMs)
  // Its only error is that the server was not running.
  server.tryShutdown(() => resolve())
  await promise
  clearTimeout(timer)
}

function inContext(
  implementation: UntypedServiceImplementation,
  context: ServerContext,
): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(implementation).map(([name, handler]) => {
      const handle = handler as (call: ServerCall, ...rest: unknown[]) => void
      const inside = (call: ServerCall, ...rest: unknown[]) => {
        setServerContext(call, context)
        handle(call, ...rest)
      }
      return [name, inside as UntypedServiceImplementation[string]]
    }),
  )
}

const serviceNames = (definition: ServiceDefinition): string[] => [
  ...new Set(Object.values(definition).map(({ path }) => path.split('/')[1] ?? '')),
]
