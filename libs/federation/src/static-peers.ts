import { parseDomain } from '@mailx/address/domain'
import { fromBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { z } from 'zod'

/** What a line of the static file says about a domain, in the place of its DNS record. */
export type StaticPeer = {
  readonly publicKey: Uint8Array
  /** Where its well-known document is served. */
  readonly host: string
  readonly port: number
}

/** By domain. */
export type StaticPeers = ReadonlyMap<string, StaticPeer>

const StaticPeersFile = z.record(
  z.string(),
  z.strictObject({
    /** The domain key, base64. */
    publicKey: z.string(),
    /** https://host:port */
    endpoint: z.url({ protocol: /^https$/ }),
  }),
)

/**
 * Peers that are known without DNS:
 * `{"b.test": {"publicKey": "<base64>", "endpoint": "https://mailx.b.test:8443"}}`.
 * Throws an error that says what is wrong in the text.
 */
export function parseStaticPeers(text: string): StaticPeers {
  const parsed = StaticPeersFile.safeParse(JSON.parse(text))
  if (!parsed.success) throw new MailxError('INVALID_ARGUMENT', z.prettifyError(parsed.error))
  return new Map(
    Object.entries(parsed.data).map(([domain, { endpoint, publicKey }]) => {
      const { hostname: host, port } = new URL(endpoint)
      const peer = { publicKey: fromBase64(publicKey, 32), host, port: Number(port || 443) }
      return [parseDomain(domain), peer] as const
    }),
  )
}
