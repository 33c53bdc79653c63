import { setTimeout as delay } from 'node:timers/promises'
import { type Account, createAccount } from '@mailx/client/account'
import { findHome } from '@mailx/client/find-home'
import { grpcTransport } from '@mailx/client/grpc-transport'
import { createKeyring } from '@mailx/client/keyring'
import { lookUpKeys } from '@mailx/client/look-up-keys'
import { register } from '@mailx/client/register'
import { withSession } from '@mailx/client/session'
import { randomBytes } from '@mailx/crypto/random'
import { MailxError } from '@mailx/errors/mailx-error'
import { isPassing, patiently } from '@mailx/loadtest-tool/passing'
import type { People } from '@mailx/loadtest-tool/people'
import type { ServiceSuccess } from './fault.ts'
import type { Rig } from './rig.ts'

const AGAIN_MS = 50

/**
 * Does what needs a service, over a connection of its own, until it succeeds; resolves with when that
 * was, or with undefined after the time. What is refused for good rejects, and so does it when the domain
 * is not found in the time.
 */
export async function probe(
  rig: Rig,
  people: People,
  { domain, kind }: ServiceSuccess,
  timeoutMs: number,
): Promise<number | undefined> {
  const deadline = performance.now() + timeoutMs
  const home = await patiently(() => findHome(domain, rig.home), Date.now() + timeoutMs)
  const transport = grpcTransport(home.document, { resolveTo: home.target })
  const common = { transport, now: Date.now, random: randomBytes }
  const newcomer = createAccount({ ...common, keyring: newKeyring(domain) })
  const residents = people.everybody.filter((person) => person.domain === domain)
  const keyring = residents[0]?.account.keyring
  if (keyring === undefined) throw new Error(`nobody of the load lives at ${domain}`)
  const work = {
    registered: () => signUp(newcomer),
    'looked up': () => lookUpEverywhere(createAccount({ ...common, keyring }), people),
    proved: async () => {
      await signUp(newcomer)
      const asker = createAccount({ ...common, keyring })
      await lookUpKeys(asker, [newcomer.keyring.address], { fresh: true })
    },
  }[kind]
  try {
    while (performance.now() < deadline) {
      try {
        await work()
        return performance.now()
      } catch (error) {
        if (!(error instanceof MailxError) || !isPassing(error.code)) throw error
        await delay(AGAIN_MS)
      }
    }
    return undefined
  } finally {
    transport.close()
  }
}

async function signUp(account: Account): Promise<void> {
  await register(account)
  await withSession(account)
}

/** The first user of each domain is asked for, and no cache may answer. */
async function lookUpEverywhere(asker: Account, { everybody }: People): Promise<void> {
  const first = new Map(everybody.toReversed().map(({ address, domain }) => [domain, address]))
  await lookUpKeys(asker, [...first.values()], { fresh: true })
}

let newcomers = 0

function newKeyring(domain: string) {
  newcomers += 1
  return createKeyring({
    address: `newcomer${newcomers}@${domain}`,
    deviceName: 'faults',
    recovery: randomBytes(16),
    now: Date.now(),
    random: randomBytes,
  })
}
