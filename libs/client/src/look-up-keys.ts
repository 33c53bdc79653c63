import { parseAddress } from '@mailx/address/address'
import { isErrorCode, MailxError } from '@mailx/errors/mailx-error'
import { type VerifiedKeys, verifyKeyBundle } from '@mailx/keys/key-bundle'
import type { KeyAnswer } from '@mailx/proto/client/v1/client_service'
import type { Account } from './account.ts'
import { signedIn } from './session.ts'
import { lastCheckpoint, pinnedDomainKey, remember } from './trust.ts'

/** Keys verified this recently are used without asking again. */
const FRESH_FOR_MS = 5 * 60_000

/**
 * Verified keys of the addresses, in their order. Each bundle is checked from the domain key down: the
 * domain document, the attestation, the device list, and that the key log holds both. Throws for the
 * first address whose keys cannot be had or cannot be trusted, naming it.
 */
export async function lookUpKeys(
  account: Account,
  addresses: readonly string[],
  options: { readonly fresh?: boolean } = {},
): Promise<VerifiedKeys[]> {
  const canonical = addresses.map((address) => parseAddress(address).canonical)
  const missing = [...new Set(canonical)].filter(
    (address) => options.fresh || !isFresh(account, address),
  )
  if (missing.length > 0) {
    const request = { addresses: missing, fresh: options.fresh ?? false }
    const { answers } = await signedIn(account, (call) =>
      account.transport.lookUpKeys(request, call),
    )
    for (const address of missing) {
      const answer = answers.find((candidate) => candidate.address === address)
      try {
        await takeAnswer(account, address, answer)
      } catch (error) {
        // A cached bundle may be older than what this client has seen; a fresh one may not.
        const stale = error instanceof MailxError && error.code === 'BAD_PROOF' && !options.fresh
        if (!stale) throw error
        await lookUpKeys(account, [address], { ...options, fresh: true })
      }
    }
  }
  return canonical.map((address) => cached(account, address))
}

async function takeAnswer(account: Account, address: string, answer: KeyAnswer | undefined) {
  const { bundle, code, message } = answer ?? { code: 'NOT_FOUND', message: '' }
  if (bundle === undefined) {
    throw new MailxError(
      isErrorCode(code) ? code : 'NOT_FOUND',
      `no keys for ${address}: ${message || 'no such user, or the user does not release keys to you'}`,
    )
  }
  const { domain } = parseAddress(address)
  const now = account.now()
  const pinned = pinnedDomainKey(account.trust, domain)
  const last = lastCheckpoint(account.trust, domain)
  const keys = verifyKeyBundle(bundle, {
    address,
    now,
    ...(pinned && { domainPublicKey: pinned }),
    ...(last && { lastCheckpoint: last }),
  })
  const trust = remember(account.trust, keys, domain, now)
  if (bundle.deviceList) account.keys.set(address, { keys, deviceList: bundle.deviceList, at: now })
  if (trust === account.trust) return
  account.trust = trust
  await account.onTrustChanged(trust)
}

function isFresh(account: Account, address: string): boolean {
  const known = account.keys.get(address)
  return known !== undefined && account.now() - known.at < FRESH_FOR_MS
}

function cached(account: Account, address: string): VerifiedKeys {
  const known = account.keys.get(address)
  if (known) return known.keys
  throw new MailxError('INTERNAL', `keys of ${address} were not kept`)
}
