import {
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServiceDefinition,
} from '@grpc/grpc-js'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Logger } from '@mailx/telemetry/logger'
import type { GrpcService } from './server.ts'
import type { CallerName, ServiceId } from './service-id.ts'
import { toStatus } from './status.ts'

/** For every method of a generated service, who may call it: `CallersOf<IdentityServiceServer>`. */
export type CallersOf<Server> = {
  readonly [Method in keyof Server as string extends Method ? never : Method]: readonly CallerName[]
}

/** A service for others of the deployment. */
export type InternalService = GrpcService & {
  readonly callers: Readonly<Record<string, readonly CallerName[]>>
}

type Callers = {
  readonly services: readonly InternalService[]
  /** Who is behind the connection of that name, as gRPC names it (`call.getPeer()`). */
  readonly callerOf: (peer: string) => ServiceId | undefined
  readonly logger: Logger
}

/** Refuses with PERMISSION_DENIED whoever is not in the list of a method. Health is for everybody. */
export function onlyAllowedCallers({ services, callerOf, logger }: Callers): ServerInterceptor {
  const allowed = new Map(
    services.flatMap(({ definition, callers }) =>
      methodsOf(definition).map(([name, path]) => [path, new Set(callers[name])] as const),
    ),
  )
  const told = new Set<string>()
  const tell = (caller: string, path: string) => {
    if (told.has(`${caller} ${path}`)) return
    told.add(`${caller} ${path}`)
    logger.warn({ caller, rpc: path }, 'refused a call: that service has no business here')
  }
  return ({ path }, call) => {
    const caller = callerOf(call.getPeer())
    const isHealth = path.startsWith('/grpc.health.v1.Health/')
    if (caller !== undefined && (isHealth || allowed.get(path)?.has(caller.name) === true)) {
      return new ServerInterceptingCall(call)
    }
    const name = caller?.name ?? 'nobody'
    tell(name, path)
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({ onReceiveMetadata: () => call.sendStatus(toStatus(refusal(name, path))) })
      },
    })
  }
}

const refusal = (caller: string, path: string) =>
  new MailxError('PERMISSION_DENIED', `${caller} may not call ${path}`)

const methodsOf = (definition: ServiceDefinition): [name: string, path: string][] =>
  Object.entries(definition).map(([name, { path }]) => [name, path])
