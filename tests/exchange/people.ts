import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAddress } from '@mailx/address/address'
import type { Backend } from '@mailx/backends/backend'
import { createDatabase } from '@mailx/backends/create-database'
import type { NatsBackend } from '@mailx/backends/start-nats'
import { type Account, createAccount } from '@mailx/client/account'
import { findHome } from '@mailx/client/find-home'
import { grpcTransport } from '@mailx/client/grpc-transport'
import { createKeyring } from '@mailx/client/keyring'
import { readMessages } from '@mailx/client/mailbox'
import { register } from '@mailx/client/register'
import { type Draft, sealDraft, submitSealed } from '@mailx/client/send'
import { signedIn } from '@mailx/client/session'
import { randomBytes } from '@mailx/crypto/random'
import { formatId } from '@mailx/crypto/uuid'
import type { Backends } from '@mailx/dev-tool/own-access'
import { type Stack, type StackOptions, startStack } from '@mailx/dev-tool/stack'
import type { OpenedMessage } from '@mailx/envelope/open-message'
import { dnsResolver } from '@mailx/federation/dns-resolver'
import type { MessageStatus } from '@mailx/proto/storage/v1/storage_service'
import { eventually } from '@mailx/testing/eventually'
import { testNats } from '@mailx/testing/test-nats'
import { testPostgres } from '@mailx/testing/test-postgres'
import { testRedis } from '@mailx/testing/test-redis'
import { compileCache } from './programs.ts'

/** How long to wait for what is sure to come: machines may be busy. */
export const patience = { timeoutMs: 60_000 }

/** Where the stack's logs and keyrings stay when the test is over, for a look at what went wrong. */
const KEEP = 'MAILX_KEEP_TEST_FILES'

/** A stack on the servers of the test run, with databases and a folder of its own. */
export async function testStack(
  name: string,
  deployments: Readonly<Record<string, readonly string[]>>,
  options: Partial<StackOptions> = {},
): Promise<Stack> {
  const folder = await mkdtemp(join(tmpdir(), `mailx-${name}-`))
  const stack = await startStack({
    separate: false,
    say: () => {},
    deployments,
    folder,
    backendsOf: sharedServers,
    ...options,
    env: { LOG_LEVEL: 'debug', ...compileCache, ...options.env },
  })
  const stop = async () => {
    await stack.stop()
    if (!process.env[KEEP]) await rm(folder, { recursive: true, force: true })
  }
  return { ...stack, stop }
}

/** A database, an account and a numbered database on the servers that the tests of a run share. */
export const sharedServers = async (): Promise<Backends> => {
  const nats = await testNats()
  return {
    databaseUrl: (await testPostgres()).url,
    natsUrl: nats.url,
    natsSeedOf: (principal) => nats.seeds[principal] ?? '',
    redisUrl: (await testRedis()).url,
  }
}

/** A database and the only account on servers that a test has for itself. */
export const ownBackends = async (servers: OwnServers): Promise<Backends> => ({
  databaseUrl: await createDatabase(servers.postgres.url, 'mailx'),
  natsUrl: servers.nats.url,
  natsSeedOf: (principal) => servers.nats.seedOf('mailx', principal),
  redisUrl: servers.redis.url,
})

export type OwnServers = {
  readonly postgres: Backend
  readonly nats: NatsBackend
  readonly redis: Backend
}

/** Finds the address's server through DNS, registers there, and is ready to write. */
export async function person(
  stack: Stack,
  address: string,
  recovery: Uint8Array = randomBytes(16),
): Promise<Account> {
  const account = await visitor(stack, address, recovery)
  await register(account)
  return account
}

/** As `person`, without registering. */
export async function visitor(
  stack: Stack,
  address: string,
  recovery: Uint8Array = randomBytes(16),
): Promise<Account> {
  const [host = '', port = ''] = stack.dns.address.split(':')
  const home = await findHome(parseAddress(address).domain, {
    resolver: dnsResolver([{ host, port: Number(port), trusted: false }]),
    allowPrivate: true,
  })
  const keyring = createKeyring({
    address,
    deviceName: 'test',
    recovery,
    now: Date.now(),
    random: randomBytes,
  })
  return createAccount({
    keyring,
    transport: grpcTransport(home.document, { resolveTo: home.target }),
    now: Date.now,
    random: randomBytes,
  })
}

/** Seals and submits; resolves with the id once the server has committed. */
export async function send(from: Account, draft: Draft): Promise<Uint8Array> {
  const sealed = await sealDraft(from, draft)
  await submitSealed(from, sealed)
  return sealed.submission.messageId
}

/** Waits until the message is in the mailbox, and opens it with every check. */
export async function receive(account: Account, messageId: Uint8Array): Promise<OpenedMessage> {
  return eventually(async () => {
    const [message] = await readMessages(account, [messageId])
    if (message === undefined) throw new Error(`${formatId(messageId)} has not arrived`)
    if ('refused' in message) throw message.refused
    return message.opened
  }, patience)
}

/** What the sender's server says of a message. */
export async function statusOf(account: Account, messageId: Uint8Array): Promise<MessageStatus> {
  const request = { messageIds: [messageId] }
  const { messages } = await signedIn(account, (call) =>
    account.transport.getDeliveryStatus(request, call),
  )
  const [status] = messages
  if (status === undefined) throw new Error(`no status of ${formatId(messageId)}`)
  return status
}

/** Waits until each recipient's copy is in the state given for it. */
export async function settled(
  account: Account,
  messageId: Uint8Array,
  states: Readonly<Record<string, string>>,
): Promise<MessageStatus> {
  return eventually(async () => {
    const status = await statusOf(account, messageId)
    const found = Object.fromEntries(
      status.recipients.map(({ recipient, state }) => [
        recipient,
        state.replace('DELIVERY_STATE_', '').toLowerCase(),
      ]),
    )
    for (const [recipient, state] of Object.entries(states)) {
      if (found[recipient] !== state) {
        throw new Error(`${recipient} is ${found[recipient]}, not ${state}`)
      }
    }
    return status
  }, patience)
}
