export type NatsAccount = { readonly name: string; readonly password: string }

/**
 * Configuration of a nats-server with JetStream, in words that 2.9 and every later server know.
 * Each account has one user of the same name, and streams of its own that no other account sees.
 */
export function natsConfig(input: {
  readonly host: string
  readonly port: number
  readonly storeDir: string
  readonly accounts: readonly NatsAccount[]
}): string {
  const accounts = input.accounts.map(
    ({ name, password }) =>
      `  ${name}: { jetstream: enabled, users: [{ user: ${name}, password: "${password}" }] }`,
  )
  return [
    `server_name: mailx-${input.port}`,
    `listen: "${input.host}:${input.port}"`,
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
