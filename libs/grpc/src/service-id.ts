import type { X509Certificate } from 'node:crypto'
import { MailxError } from '@mailx/errors/mailx-error'

/** Who may show a certificate inside a deployment: its services, and the operator's tools. */
export const callerNames = [
  'identity',
  'transparency',
  'directory',
  'storage',
  'outbound-federation',
  'inbound-federation',
  'gateway',
  'operator',
] as const
export type CallerName = (typeof callerNames)[number]

export type ServiceId = { readonly deployment: string; readonly name: CallerName }

const pattern = /^spiffe:\/\/([a-z0-9][a-z0-9._-]{0,253})\/([a-z-]{1,64})$/

/** What a certificate of the deployment names, as its only URI: `spiffe://<deployment>/<service>`. */
export const serviceUri = ({ deployment, name }: ServiceId): string =>
  `spiffe://${deployment}/${name}`

/** Whose certificate it is. Throws UNAUTHENTICATED when it does not say so in exactly one URI. */
export function serviceIdOf({ subjectAltName = '' }: X509Certificate): ServiceId {
  // Node puts quotes around a name in which something could be read as a second one.
  const names = subjectAltName.includes('"') ? [] : subjectAltName.split(', ')
  const uris = names.filter((name) => name.startsWith('URI:')).map((name) => name.slice(4))
  const [, deployment = '', name = ''] = pattern.exec(uris[0] ?? '') ?? []
  if (uris.length === 1 && isCaller(name)) return { deployment, name }
  throw new MailxError(
    'UNAUTHENTICATED',
    `the certificate must have one URI, spiffe://<deployment>/<service>, where service is one of ${callerNames.join(', ')}; its names are: ${subjectAltName.slice(0, 200) || 'none'}`,
  )
}

const isCaller = (name: string): name is CallerName =>
  (callerNames as readonly string[]).includes(name)
