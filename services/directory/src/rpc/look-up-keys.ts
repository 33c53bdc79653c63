import { parseAddress } from '@mailx/address/address'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Sql } from '@mailx/event-log/sql'
import { unary } from '@mailx/grpc/unary'
import type {
  KeyAnswer,
  LookUpKeysRequest,
  LookUpKeysResponse,
} from '@mailx/proto/directory/v1/directory_service'
import type { KeyBundle } from '@mailx/proto/keys/v1/keys'
import type { Budget } from '../bundles/budget.ts'
import { type BundleOptions, localBundles } from '../bundles/local-bundles.ts'
import { type RemoteBundlesDeps, remoteBundles } from '../bundles/remote-bundles.ts'
import { readUsers } from '../bundles/user-rows.ts'

export const MAX_ADDRESSES = 100
/** A key registered a moment ago is in the log with the next checkpoint. */
const WAIT_MS = 2_000

type Deps = RemoteBundlesDeps & {
  readonly sql: Sql
  readonly transparency: BundleOptions['transparency']
  readonly isHosted: (domain: string) => boolean
  readonly budget: Budget
  readonly lookUpsPerUser: number
}

type Answer = KeyBundle | MailxError

/** Keys of any users, for a user of ours who is signed in. What fails for one is an answer for it. */
export const lookUpKeys = (deps: Deps) =>
  unary<LookUpKeysRequest, LookUpKeysResponse>(async ({ addresses, asker, fresh }) => {
    const { canonical: me, domain: from } = parseAddress(asker)
    if (!deps.isHosted(from)) throw new MailxError('INVALID_ARGUMENT', `${from} is not hosted here`)
    if (addresses.length === 0 || addresses.length > MAX_ADDRESSES) {
      throw new MailxError('INVALID_ARGUMENT', `ask for 1 to ${MAX_ADDRESSES} addresses`)
    }
    const targets = addresses.map(target)
    const wanted = [...new Set(targets.flatMap((found) => canonicalOf(found)))]
    const covered = await deps.budget.spend(`user ${me}`, deps.lookUpsPerUser, wanted)
    const allowed = wanted.filter((address) => address === me || covered.has(address))
    const found = await lookUp(allowed, { asker: me, from, fresh }, deps)
    const answers = targets.map((parsed, at): KeyAnswer => {
      const address = addresses[at] ?? ''
      if (parsed instanceof MailxError) return refusal(address, parsed)
      const answer = found.get(parsed.canonical) ?? overBudget()
      if (answer instanceof MailxError) return refusal(address, answer)
      return { address, bundle: answer, code: '', message: '' }
    })
    return { answers, padding: new Uint8Array(0) }
  })

async function lookUp(
  addresses: readonly string[],
  asking: { readonly asker: string; readonly from: string; readonly fresh: boolean },
  deps: Deps,
): Promise<Map<string, Answer>> {
  const perDomain = [...Map.groupBy(addresses, (address) => parseAddress(address).domain)]
  const answers = perDomain.map(([domain, ofDomain]) =>
    deps.isHosted(domain)
      ? lookUpOurs(ofDomain, deps)
      : remoteBundles({ ...asking, domain, addresses: ofDomain }, deps),
  )
  return new Map((await Promise.all(answers)).flatMap((part) => [...part]))
}

async function lookUpOurs(addresses: readonly string[], deps: Deps): Promise<Map<string, Answer>> {
  const rows = await readUsers(deps.sql, addresses)
  const bundles = await localBundles(rows, { transparency: deps.transparency, waitMs: WAIT_MS })
  const exist = new Set(rows.map(({ address }) => address))
  return new Map(
    addresses.map((address) => [
      address,
      bundles.get(address) ?? (exist.has(address) ? notInLog(address) : noSuchUser(address)),
    ]),
  )
}

function target(address: string): { readonly canonical: string } | MailxError {
  try {
    return parseAddress(address)
  } catch (error) {
    if (error instanceof MailxError) return error
    throw error
  }
}

const canonicalOf = (found: ReturnType<typeof target>): string[] =>
  found instanceof MailxError ? [] : [found.canonical]

const refusal = (address: string, { code, message }: MailxError): KeyAnswer => ({
  address,
  code,
  message,
})

const noSuchUser = (address: string) =>
  new MailxError('NOT_FOUND', `${address} does not exist, or does not show its keys to you`)

const notInLog = (address: string) =>
  new MailxError('UNAVAILABLE', `the keys of ${address} are not in a checkpoint yet; try again`)

const overBudget = () =>
  new MailxError('RATE_LIMITED', 'you looked up the keys of too many users today; wait a day')
