import { natsUser, publicKeyVariable } from '@mailx/privileges/nats-permissions'
import { roleName } from '@mailx/privileges/postgres-grants'
import { type Principal, principals } from '@mailx/privileges/services'
import { isSecret, type ServiceName, serviceNames, variablesOf } from './services.ts'

/** The variable by which others find a service's gRPC server. */
const addressOf: Partial<Record<ServiceName, string>> = {
  identity: 'IDENTITY_ADDRESS',
  transparency: 'TRANSPARENCY_ADDRESS',
  directory: 'DIRECTORY_ADDRESS',
  storage: 'STORAGE_ADDRESS',
  'outbound-federation': 'OUTBOUND_ADDRESS',
  'inbound-federation': 'INBOUND_ADDRESS',
}

/** What opens a service to the world, and the door that leads there. */
const doorOf = { PEER_LISTEN: 'peer', CLIENT_LISTEN: 'client', HTTPS_LISTEN: 'wellKnown' } as const

/** What gives each service a way of its own into a server: in a Secret that no other mounts. */
export const ownAccess: readonly string[] = ['DATABASE_PASSWORD', 'NATS_SEED']

export type ServiceFacts = {
  /** Variables that it reads, secrets apart. */
  readonly variables: readonly string[]
  /** Variables that it reads from files. */
  readonly secrets: readonly string[]
  /** Those of `ownAccess` that it reads from files of its own. */
  readonly access: readonly string[]
  /** What the name of its role in Postgres ends with. */
  readonly role: string
  /** Variable by variable, the services that it calls. */
  readonly calls: Readonly<Record<string, ServiceName>>
  readonly doors: readonly string[]
}

/** What the templates have to know of each service: read off its config schema. */
export function serviceFacts(): Readonly<Record<ServiceName, ServiceFacts>> {
  const facts = serviceNames.map((name) => [name, factsOf(name)] as const)
  return Object.fromEntries(facts) as Record<ServiceName, ServiceFacts>
}

function factsOf(service: ServiceName): ServiceFacts {
  const variables = variablesOf(service)
  const names = Object.keys(variables).toSorted()
  const others = Object.entries(addressOf).filter(([name]) => name !== service)
  const calls = service === 'all-in-one' ? [] : others.filter(([, address]) => address in variables)
  return {
    variables: names.filter((name) => !isSecret(variables[name])),
    secrets: names.filter((name) => isSecret(variables[name]) && !ownAccess.includes(name)),
    access: names.filter((name) => ownAccess.includes(name)),
    role: roleName('', service),
    calls: Object.fromEntries(calls.map(([name, address]) => [address, name as ServiceName])),
    doors: Object.entries(doorOf)
      .filter(([variable]) => variable in variables)
      .map(([, door]) => door),
  }
}

/**
 * The users of a NATS server as its configuration has them, by process. Public keys are variables of
 * that configuration, which `mailxctl k8s access` defines.
 */
export const natsUsers = (): Readonly<Record<Principal, string>> =>
  Object.fromEntries(
    principals.map((name) => [name, natsUser(name, `$${publicKeyVariable(name)}`)]),
  ) as Record<Principal, string>
