import { parseAddress } from '@mailx/address/address'
import { type Account, createAccount } from '@mailx/client/account'
import { grpcTransport } from '@mailx/client/grpc-transport'
import type { Keyring } from '@mailx/client/keyring'
import { needsPassphrase, openKeyring } from '@mailx/client/keyring-file'
import { emptyTrust, pinDomain, pinnedDomainKey, type Trust } from '@mailx/client/trust'
import { fromBase64 } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { MailxError } from '@mailx/errors/mailx-error'
import { currentTraceparent } from '@mailx/telemetry/propagation'
import { findHome } from './find-home.ts'
import { readPassphrase } from './passphrase.ts'
import { type Profile, readProfileFile, writeProfileFile } from './profile.ts'

/** The account of a profile, its keyring unlocked and its home server found. Close its transport at the end. */
export async function openAccount(profile: Profile): Promise<Account> {
  const file = await readProfileFile(profile, 'keyring.json')
  if (file === undefined) {
    throw new MailxError(
      'UNAUTHENTICATED',
      `no keyring of ${profile.address} here: \`mailx register\` makes one, \`mailx recover\` brings one back`,
    )
  }
  const passphrase = needsPassphrase(file) ? await readPassphrase({ confirm: false }) : undefined
  return connectAccount(profile, await openKeyring(file, passphrase))
}

/** An account for a keyring that is in hand. */
export async function connectAccount(profile: Profile, keyring: Keyring): Promise<Account> {
  const stored = await readProfileFile(profile, 'trust.json')
  const before: Trust = stored === undefined ? emptyTrust : (JSON.parse(stored) as Trust)
  const store = (changed: Trust) =>
    writeProfileFile(profile, 'trust.json', `${JSON.stringify(changed, null, 2)}\n`)
  const { domain } = parseAddress(profile.address)
  const home = await findHome(domain, pinnedDomainKey(before, domain))
  const trust = pinDomain(before, domain, fromBase64(home.document.publicKey, 32))
  if (trust !== before) await store(trust)
  return createAccount({
    keyring,
    transport: grpcTransport(home.document, { resolveTo: home.target }),
    now: Date.now,
    random: randomBytes,
    traceparent: currentTraceparent,
    trust,
    onTrustChanged: store,
  })
}
