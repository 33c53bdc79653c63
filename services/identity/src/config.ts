import { parseDomain } from '@mailx/address/domain'
import { CommonConfig, variables } from '@mailx/config/common'
import { count, list, noted } from '@mailx/config/variable'
import * as z from 'zod'

const hostPort = (example: string) =>
  noted(z.string().regex(/^[\w.{}-]+:\d{1,5}$/, 'is not host:port; {domain} may stand in it'), {
    write: example,
  }).default(example)

function isDomain(text: string): boolean {
  try {
    parseDomain(text)
    return true
  } catch {
    return false
  }
}

/** What identity reads beside the variables of every service. */
export const IdentityConfig = CommonConfig.extend({
  IDENTITY_ADDRESS: variables.IDENTITY_ADDRESS,
  SESSION_KEY: variables.SESSION_KEY,
  KEY_ENCRYPTION_KEY: variables.KEY_ENCRYPTION_KEY,
  /** Domains to create at start if they are not there, separated by commas. */
  HOSTED_DOMAINS: list('a.example,b.example')
    .pipe(z.array(z.string().refine(isDomain, 'holds something that is not a domain')))
    .default([]),
  /** Where other domains deliver; {domain} stands for the domain. Published in its document. */
  PEER_ENDPOINT: hostPort('mailx.{domain}:8443'),
  /** Where the well-known document is served; also what the DNS record names. */
  HTTP_ENDPOINT: noted(
    z
      .string()
      .regex(/^https:\/\/[\w.{}-]+:\d{1,5}$/, 'is not https://host:port; {domain} may stand in it'),
    { write: 'https://mailx.{domain}:443' },
  ).default('https://mailx.{domain}:443'),
  /** Where clients connect. */
  CLIENT_ENDPOINT: hostPort('mailx.{domain}:8444'),
  /** How long a session lasts, in milliseconds. */
  SESSION_TTL_MS: count(60_000, 7 * 24 * 60 * 60 * 1000).default(12 * 60 * 60 * 1000),
})

export type IdentityConfig = z.infer<typeof IdentityConfig>
