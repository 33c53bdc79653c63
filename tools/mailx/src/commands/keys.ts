import { parseAddress } from '@mailx/address/address'
import type { Account } from '@mailx/client/account'
import { lookUpKeys } from '@mailx/client/look-up-keys'
import { acceptUserKey, trustedUser } from '@mailx/client/trust'
import { fromBase64, toHex } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { fingerprint } from '../fingerprint.ts'
import type { Context } from '../run-command.ts'

export type KeysOptions = { readonly accept?: boolean; readonly verified?: boolean }

/**
 * `mailx keys`: the fingerprints of an address, own or other, as its domain attests and logs them.
 * --verified records that they were compared; --accept takes a changed key after that.
 */
export async function keysCommand(
  { account, output }: Context & { readonly account: Account },
  address: string | undefined,
  options: KeysOptions,
): Promise<void> {
  const wanted = parseAddress(address ?? account.keyring.address).canonical
  if (options.accept) {
    const { [wanted]: _, ...users } = account.trust.users
    account.trust = { ...account.trust, users }
  }
  const [keys] = await lookUpKeys(account, [wanted], { fresh: true })
  if (keys === undefined) throw new MailxError('NOT_FOUND', `no keys of ${wanted}`)
  if (options.verified || options.accept) {
    account.trust = acceptUserKey(account.trust, wanted, keys.userKey, account.now())
    await account.onTrustChanged(account.trust)
  }
  const verified = trustedUser(account.trust, wanted)?.verified ?? false
  const devices = keys.devices.map(({ id, name, signingKey, addedAt, mailbox }) => ({
    id: toHex(id),
    name,
    mailbox,
    fingerprint: fingerprint(signingKey),
    addedAt: new Date(addedAt).toISOString(),
  }))
  const domainKey = fingerprint(fromBase64(keys.document.publicKey, 32))
  const data = {
    address: wanted,
    fingerprint: fingerprint(keys.userKey),
    verified,
    deviceListVersion: keys.deviceListVersion,
    devices,
    domain: { name: keys.document.domain, fingerprint: domainKey },
    keyLog: { size: keys.checkpoint.size, root: toHex(keys.checkpoint.root) },
  }
  const text = [
    `${wanted}  ${verified ? output.colours.green('verified by you') : 'not compared yet'}`,
    `  user    ${data.fingerprint}`,
    ...devices.map(({ fingerprint: print, name }) => `  device  ${print}  ${name}`),
    `  domain  ${domainKey}  ${keys.document.domain}`,
    `  in the key log of ${keys.document.domain}, ${keys.checkpoint.size} entries`,
  ]
  output.result(data, text.join('\n'))
}
