import { natsUser } from '@mailx/privileges/nats-permissions'
import type { Principal } from '@mailx/privileges/services'
import type { ServerTlsFiles } from './server-tls.ts'

export type NatsAccount = {
  readonly name: string
  /** Of the user who may do anything in the account, called as the account is. */
  readonly password: string
  /** The public nkeys of the services' users. */
  readonly users: ReadonlyMap<Principal, string>
}

/**
 * Configuration of a nats-server with JetStream, in words that 2.9 and every later server know.
 * Each account has a user of the same name, one per service with the rights of that, and streams of its
 * own that no other account sees.
 */
export function natsConfig(input: {
  readonly host: string
  readonly port: number
  readonly storeDir: string
  readonly accounts: readonly NatsAccount[]
  readonly tls?: ServerTlsFiles | undefined
}): string {
  const accounts = input.accounts.map(({ name, password, users }) => {
    const all = [
      `{ user: ${name}, password: "${password}" }`,
      ...[...users].map(([principal, publicKey]) => natsUser(principal, publicKey)),
    ]
    return `  ${name}: { jetstream: enabled, users: [${all.join(',\n    ')}] }`
  })
  return [
    `server_name: mailx-${input.port}`,
    `listen: "${input.host}:${input.port}"`,
    ...tlsLines(input.tls),
    'jetstream: {',
    `  store_dir: ${JSON.stringify(input.storeDir)}`,
    // A promise, not a reservation: streams state how much they may take, and the sum counts.
    '  max_file_store: 1TB',
    '  max_memory_store: 1GB',
    '}',
    'accounts: {',
    ...accounts,
    '}',
    '',
  ].join('\n')
}

function tlsLines(tls: ServerTlsFiles | undefined): string[] {
  if (tls === undefined) return []
  const { cert, clientCa, key } = tls
  return [
    'tls: {',
    `  cert_file: ${JSON.stringify(cert)}`,
    `  key_file: ${JSON.stringify(key)}`,
    ...(clientCa === undefined ? [] : [`  ca_file: ${JSON.stringify(clientCa)}`, '  verify: true']),
    '}',
  ]
}
