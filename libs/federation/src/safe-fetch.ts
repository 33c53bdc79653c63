/**
 * Fetches a small document from a host that a stranger named, and nothing inside our own network:
 *  1. The port must be on the allow-list, the host is resolved once, every address must be public:
 *     ADDRESS_NOT_ALLOWED (checked-addresses.ts).
 *  2. Those very addresses are dialled, one after another; the host stays as SNI and Host header.
 *  3. Only a 200 counts, no redirect is followed, and neither 64 KiB nor the time limit is exceeded:
 *     DISCOVERY_FAILED.
 * Who answers is not checked, and no web CA is asked: what is fetched this way is signed.
 */
import { request } from 'node:https'
import { isIP } from 'node:net'
import { MailxError } from '@mailx/errors/mailx-error'
import { type AddressPolicy, checkedAddresses } from './checked-addresses.ts'
import type { Resolver } from './dns-resolver.ts'

export type SafeFetchOptions = {
  readonly resolver: Resolver
  readonly policy: AddressPolicy
  /** For each address; 4 s if left out. */
  readonly timeoutMs?: number
}

export type FetchTarget = { readonly host: string; readonly port: number; readonly path: string }

const MAX_BYTES = 64 * 1024

/** The body of a 200. */
export async function safeFetch(
  target: FetchTarget,
  { policy, resolver, timeoutMs = 4000 }: SafeFetchOptions,
): Promise<Uint8Array> {
  const addresses = await checkedAddresses(target, resolver, policy)
  let failure: unknown
  for (const address of addresses) {
    try {
      return await fetchFrom(address, target, timeoutMs)
    } catch (error) {
      failure = error
    }
  }
  const { host, path, port } = target
  const reason = failure instanceof Error ? failure.message : String(failure)
  const message = `https://${host}:${port}${path} cannot be fetched: ${reason}`
  throw new MailxError('DISCOVERY_FAILED', message, { cause: failure })
}

async function fetchFrom(address: string, target: FetchTarget, timeoutMs: number) {
  const signal = AbortSignal.timeout(timeoutMs)
  const outgoing = request({
    host: address,
    port: target.port,
    path: target.path,
    servername: isIP(target.host) === 0 ? target.host : '',
    headers: {
      host: target.port === 443 ? target.host : `${target.host}:${target.port}`,
      accept: 'application/json',
    },
    agent: false,
    rejectUnauthorized: false,
    maxHeaderSize: 16 * 1024,
    signal,
  })
  try {
    return await bodyOf(outgoing)
  } catch (error) {
    throw signal.aborted ? new Error(`no answer within ${timeoutMs} ms`, { cause: error }) : error
  } finally {
    outgoing.destroy()
  }
}

function bodyOf(outgoing: ReturnType<typeof request>): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject)
    outgoing.on('response', (response) => {
      const { statusCode = 0 } = response
      if (statusCode !== 200) {
        const what =
          statusCode >= 300 && statusCode < 400 ? 'a redirect, not followed' : 'no document'
        reject(new Error(`status ${statusCode}: ${what}`))
        return
      }
      const chunks: Uint8Array[] = []
      let length = 0
      response.on('data', (chunk: Uint8Array) => {
        length += chunk.length
        if (length > MAX_BYTES) reject(new Error(`more than ${MAX_BYTES} bytes`))
        else chunks.push(chunk)
      })
      response.on('error', reject)
      response.on('end', () => resolve(new Uint8Array(Buffer.concat(chunks))))
    })
    outgoing.end()
  })
}
