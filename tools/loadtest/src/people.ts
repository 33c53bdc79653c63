import { parseAddress } from '@mailx/address/address'
import { type Account, createAccount } from '@mailx/client/account'
import { findHome, type Home, type HomeOptions } from '@mailx/client/find-home'
import { grpcTransport } from '@mailx/client/grpc-transport'
import { createKeyring, type Keyring } from '@mailx/client/keyring'
import { register } from '@mailx/client/register'
import { withSession } from '@mailx/client/session'
import type { Transport } from '@mailx/client/transport'
import { randomBytes } from '@mailx/crypto/random'
import { inParallel } from './in-parallel.ts'
import { patiently } from './passing.ts'

/** A user of the load test, signed in. `user` is the place in `People.everybody` and in the journal. */
export type Person = {
  readonly user: number
  readonly address: string
  readonly domain: string
  readonly account: Account
}

export type People = {
  readonly everybody: readonly Person[]
  /** Closes all connections. */
  close(): void
}

export type PeopleOptions = {
  readonly home: HomeOptions
  /** How many connections to each domain users share; each has one of its own up to this many. */
  readonly connections: number
  readonly onProgress?: (done: number, total: number) => void
}

const AT_ONCE = 16
const PATIENCE_MS = 10 * 60_000

/** New users `<prefix><n>@<domain>`, in turn at the domains, registered and signed in. */
export async function registerPeople(
  domains: readonly string[],
  input: PeopleOptions & { readonly users: number; readonly prefix: string },
): Promise<People> {
  const keyrings = Array.from({ length: input.users }, (_, index) =>
    createKeyring({
      address: `${input.prefix}${index}@${domains[index % domains.length]}`,
      deviceName: 'load test',
      recovery: randomBytes(16),
      now: Date.now(),
      random: randomBytes,
    }),
  )
  return connect(keyrings, input, async (account) => {
    await register(account)
    await withSession(account)
  })
}

/** Users of an earlier run, signed in. */
export const returningPeople = (
  keyrings: readonly Keyring[],
  options: PeopleOptions,
): Promise<People> => connect(keyrings, options, withSession)

async function connect(
  keyrings: readonly Keyring[],
  options: PeopleOptions,
  begin: (account: Account) => Promise<unknown>,
): Promise<People> {
  const doors = new Map<string, Door>()
  const everybody: Person[] = []
  for (const [user, keyring] of keyrings.entries()) {
    const { address } = keyring
    const { domain } = parseAddress(address)
    const door = doors.get(domain) ?? openDoor(await findHome(domain, options.home), options)
    doors.set(domain, door)
    everybody.push({ user, address, domain, account: door.account(keyring) })
  }
  const close = () => {
    for (const door of doors.values()) door.close()
  }
  const deadline = Date.now() + PATIENCE_MS
  let done = 0
  try {
    await inParallel(AT_ONCE, everybody, async ({ account }) => {
      await patiently(() => begin(account), deadline)
      done += 1
      options.onProgress?.(done, everybody.length)
    })
  } catch (error) {
    close()
    throw error
  }
  return { everybody, close }
}

type Door = { account(keyring: Keyring): Account; close(): void }

/** The connections to one domain. What one user there has verified of others' keys, all know. */
function openDoor(home: Home, { connections }: PeopleOptions): Door {
  const transports: Transport[] = []
  const keys: Account['keys'] = new Map()
  let next = 0
  return {
    account(keyring) {
      const at = next++ % connections
      const transport = transports[at] ?? grpcTransport(home.document, { resolveTo: home.target })
      transports[at] = transport
      const account = createAccount({ keyring, transport, now: Date.now, random: randomBytes })
      return { ...account, keys }
    },
    close() {
      for (const transport of transports) transport.close()
    },
  }
}
