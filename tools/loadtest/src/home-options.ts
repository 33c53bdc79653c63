import type { HomeOptions } from '@mailx/client/find-home'
import { MailxError } from '@mailx/errors/mailx-error'
import { dnsResolver, systemResolver } from '@mailx/federation/dns-resolver'

/** Options about how domains are found. */
export type RawHomeOptions = { readonly resolver?: string; readonly allowPrivate?: boolean }

/** Throws INVALID_ARGUMENT, saying what to write. */
export function homeOptions({ resolver, allowPrivate = false }: RawHomeOptions): HomeOptions {
  if (resolver === undefined) return { resolver: systemResolver(), allowPrivate }
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(resolver) ?? []
  if (host === undefined) {
    throw new MailxError('INVALID_ARGUMENT', `--resolver is "${resolver}": write host:port`)
  }
  return { resolver: dnsResolver([{ host, port: Number(port), trusted: false }]), allowPrivate }
}
