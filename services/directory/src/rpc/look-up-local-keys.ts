/**
 * Keys of our users for a user of a peer, so that nothing but released keys can be learned from it
 * (proto/README.md, section 6). An address that does not exist, one over the budget and one without proof get the same
 * answer, padded to the same size, on the same 25 ms grid, after the same steps: another user's keys
 * are fetched in their place and thrown away.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { parseAddress } from '@mailx/address/address'
import { parseDomain } from '@mailx/address/domain'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Sql } from '@mailx/event-log/sql'
import { unary } from '@mailx/grpc/unary'
import {
  LookUpKeysResponse,
  type LookUpLocalKeysRequest,
} from '@mailx/proto/directory/v1/directory_service'
import type { Budget } from '../bundles/budget.ts'
import { type BundleOptions, localBundles } from '../bundles/local-bundles.ts'
import { readDecoy, readUsers, type UserRow } from '../bundles/user-rows.ts'
import { answerSize, paddingFor } from '../deciders/padded-size.ts'

const MAX_ADDRESSES = 32
const GRID_MS = 25
/** A user of this very second is waited for. That somebody is so new is all that this gives away. */
const WAIT_MS = 2_000

type Deps = {
  readonly sql: Sql
  readonly transparency: BundleOptions['transparency']
  readonly isHosted: (domain: string) => boolean
  readonly budget: Budget
  readonly lookUpsPerPeerUser: number
  readonly lookUpsPerPeer: number
}

export const lookUpLocalKeys = (deps: Deps) =>
  unary<LookUpLocalKeysRequest, LookUpKeysResponse>(async (request) => {
    const startedAt = performance.now()
    const question = checkQuestion(request, deps)
    const { decoys, rows } = await rowsFor(question.addresses, deps)
    const released = await withinBudget(question, deps)
    const standIns = question.addresses.map((address) => rows.get(address) ?? decoys.get(address))
    const bundles = await localBundles(
      standIns.filter((row) => row !== undefined),
      { transparency: deps.transparency, waitMs: WAIT_MS },
    )
    const answers = question.addresses.map((address) => {
      const bundle = released.has(address) && rows.has(address) ? bundles.get(address) : undefined
      return { address, bundle, code: '', message: '' }
    })
    const document = standIns.find((row) => row !== undefined)?.document.length ?? 0
    const response = padded({ answers, padding: new Uint8Array(0) }, document)
    await delay(GRID_MS - ((performance.now() - startedAt) % GRID_MS))
    return response
  })

type Question = {
  readonly domain: string
  readonly asker: string
  readonly addresses: readonly string[]
}

/** What is refused here is refused by its form alone. */
function checkQuestion(request: LookUpLocalKeysRequest, { isHosted }: Deps): Question {
  const domain = parseDomain(request.askingDomain)
  const asker = parseAddress(request.asker)
  if (asker.domain !== domain) {
    throw new MailxError('INVALID_ARGUMENT', `the asker must be a user of ${domain}`)
  }
  const { length } = request.addresses
  if (length === 0 || length > MAX_ADDRESSES) {
    throw new MailxError('INVALID_ARGUMENT', `ask for 1 to ${MAX_ADDRESSES} addresses`)
  }
  const addresses = request.addresses.map((text) => {
    const address = parseAddress(text)
    if (isHosted(address.domain)) return address.canonical
    throw new MailxError('INVALID_ARGUMENT', `${address.domain} is not hosted here`)
  })
  return { domain, asker: asker.canonical, addresses }
}

/** Who exists, and for each address somebody of its domain who does. */
async function rowsFor(addresses: readonly string[], { sql }: Deps) {
  const domains = [...new Set(addresses.map((address) => parseAddress(address).domain))]
  const [found, decoys] = await Promise.all([
    readUsers(sql, addresses),
    Promise.all(domains.map(async (domain) => [domain, await readDecoy(sql, domain)] as const)),
  ])
  const byDomain = new Map(decoys)
  return {
    rows: new Map(found.map((row) => [row.address, row])),
    decoys: new Map<string, UserRow | undefined>(
      addresses.map((address) => [address, byDomain.get(parseAddress(address).domain)]),
    ),
  }
}

async function withinBudget(
  { addresses, asker, domain }: Question,
  { budget, lookUpsPerPeer, lookUpsPerPeerUser }: Deps,
): Promise<ReadonlySet<string>> {
  const byUser = await budget.spend(`peer user ${asker}`, lookUpsPerPeerUser, addresses)
  return budget.spend(`peer ${domain}`, lookUpsPerPeer, [...byUser])
}

function padded(response: LookUpKeysResponse, documentBytes: number): LookUpKeysResponse {
  const size = answerSize(response.answers.length, documentBytes)
  const { length } = LookUpKeysResponse.encode(response).finish()
  return { ...response, padding: new Uint8Array(paddingFor(length, size)) }
}
