import { MailxError } from '@mailx/errors/mailx-error'
import { formatTxt } from '@mailx/keys/txt-record'
import { withDatabase } from '../open-database.ts'
import type { Output } from '../run.ts'

const DEFAULT_ENDPOINT = 'https://mailx.{domain}:443'

/** `mailxctl domains`: the hosted domains, each with the record that has to stand in its zone. */
export async function domainsCommand(output: Output): Promise<void> {
  const endpoint = process.env['HTTP_ENDPOINT'] || DEFAULT_ENDPOINT
  await withDatabase(async ({ pool }) => {
    const { rows } = await pool.query<{ domain: string; public_key: Uint8Array }>(
      'select domain, public_key from identity.domains order by domain',
    )
    for (const { domain, public_key } of rows) {
      const txtRecord = formatTxt({
        publicKeys: [new Uint8Array(public_key)],
        endpoint: placeOf(endpoint.replaceAll('{domain}', domain)),
      })
      output.record({ domain, txtRecord }, `_mailx.${domain}. TXT "${txtRecord}"`)
    }
    if (rows.length === 0) output.record({ domains: 0 }, 'no domain is hosted (HOSTED_DOMAINS)')
  })
}

function placeOf(endpoint: string): { host: string; port: number } {
  const [, host, port] = /^https:\/\/([^/:]+):(\d+)$/.exec(endpoint) ?? []
  if (host === undefined) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      'HTTP_ENDPOINT is not https://host:port; write it as identity has it',
    )
  }
  return { host, port: Number(port) }
}
