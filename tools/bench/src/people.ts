import { type Account, createAccount } from '@mailx/client/account'
import { findHome, type HomeOptions } from '@mailx/client/find-home'
import { grpcTransport } from '@mailx/client/grpc-transport'
import { createKeyring } from '@mailx/client/keyring'
import { register } from '@mailx/client/register'
import { withSession } from '@mailx/client/session'
import { randomBytes } from '@mailx/crypto/random'

/** Registers `count` users of a domain, each signed in, eight at a time. */
export async function registerPeople(
  domain: string,
  count: number,
  options: HomeOptions,
): Promise<Account[]> {
  const home = await findHome(domain, options)
  const people: Account[] = []
  const names = Array.from({ length: count }, (_, index) => `user${index}@${domain}`)
  await inParallel(8, names, async (address) => {
    const keyring = createKeyring({
      address,
      deviceName: 'bench',
      recovery: randomBytes(16),
      now: Date.now(),
      random: randomBytes,
    })
    const account = createAccount({
      keyring,
      transport: grpcTransport(home.document, { resolveTo: home.target }),
      now: Date.now,
      random: randomBytes,
    })
    await register(account)
    await withSession(account)
    people.push(account)
  })
  return people
}

/** Runs `work` for each item, at most `width` at a time. */
export async function inParallel<Item>(
  width: number,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  const worker = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: width }, worker))
}
