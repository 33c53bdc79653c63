import { setTimeout as delay } from 'node:timers/promises'
import { toHex } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { callUnary } from '@mailx/grpc/client'
import { DeviceList, type KeyBundle, type LogProof, UserIdentity } from '@mailx/proto/keys/v1/keys'
import type {
  GetInclusionProofsResponse,
  TransparencyServiceClient,
} from '@mailx/proto/transparency/v1/transparency_service'
import type { UserRow } from './user-rows.ts'

const POLL_MS = 100

export type BundleOptions = {
  readonly transparency: Pick<TransparencyServiceClient, 'getInclusionProofs'>
  /** How long to wait for a checkpoint that covers keys of this minute. */
  readonly waitMs: number
}

/**
 * The key bundles of users, by address. A user whose keys no checkpoint covers in time is left out;
 * the others are not held up by that.
 */
export async function localBundles(
  rows: readonly UserRow[],
  options: BundleOptions,
): Promise<Map<string, KeyBundle>> {
  const perDomain = [...Map.groupBy(rows, ({ domain }) => domain)]
  const bundles = await Promise.all(
    perDomain.map(([domain, ofDomain]) => domainBundles(domain, ofDomain, options)),
  )
  return new Map(bundles.flat())
}

async function domainBundles(domain: string, rows: readonly UserRow[], options: BundleOptions) {
  const together = await proofs(domain, rows, options)
  if (together !== undefined) return bundlesOf(rows, together)
  if (rows.length === 1) return []
  // Somebody among them is too new: each for itself, without waiting again.
  const atOnce = { ...options, waitMs: 0 }
  const alone = rows.map(async (row) => {
    const found = await proofs(domain, [row], atOnce)
    return found === undefined ? [] : bundlesOf([row], found)
  })
  return (await Promise.all(alone)).flat()
}

/** Undefined when no checkpoint covers all of them within the time. */
async function proofs(
  domain: string,
  rows: readonly UserRow[],
  { transparency, waitMs }: BundleOptions,
): Promise<GetInclusionProofsResponse | undefined> {
  // The same leaf is asked for once: a decoy may stand in for several users.
  const wanted = new Map(
    rows.flatMap(({ device_list_leaf, identity_leaf }) =>
      [identity_leaf, device_list_leaf].map((leaf) => [toHex(leaf), leaf] as const),
    ),
  )
  const leafHashes = [...wanted.values()]
  const deadline = performance.now() + waitMs
  for (;;) {
    try {
      const answer = await callUnary(transparency.getInclusionProofs, { domain, leafHashes })
      const byLeaf = new Map([...wanted.keys()].map((leaf, at) => [leaf, answer.proofs[at]]))
      const inOrder = rows.flatMap(({ device_list_leaf, identity_leaf }) =>
        [identity_leaf, device_list_leaf].map((leaf) => byLeaf.get(toHex(leaf))),
      )
      return { checkpoint: answer.checkpoint, proofs: inOrder as LogProof[] }
    } catch (error) {
      if (!(error instanceof MailxError) || error.code !== 'NOT_FOUND') throw error
      if (performance.now() + POLL_MS > deadline) return undefined
      await delay(POLL_MS)
    }
  }
}

function bundlesOf(
  rows: readonly UserRow[],
  { checkpoint, proofs: found }: GetInclusionProofsResponse,
): [string, KeyBundle][] {
  return rows.map((row, at) => {
    const leafAtUnixMs = BigInt(row.leaf_at)
    const [identityProof, deviceListProof] = [found[2 * at], found[2 * at + 1]]
    if (identityProof === undefined || deviceListProof === undefined) {
      throw new MailxError('INTERNAL', 'transparency gave fewer proofs than it was asked for')
    }
    const bundle: KeyBundle = {
      domainDocument: row.document,
      identity: UserIdentity.decode(row.identity),
      deviceList: DeviceList.decode(row.device_list),
      checkpoint,
      identityProof: { ...identityProof, opening: row.identity_opening, leafAtUnixMs },
      deviceListProof: { ...deviceListProof, opening: row.device_list_opening, leafAtUnixMs },
    }
    return [row.address, bundle]
  })
}
