import { MailxError } from '@mailx/errors/mailx-error'
import {
  type ConfiguredServer,
  dnsResolver,
  type Resolver,
  systemResolver,
} from './dns-resolver.ts'

/**
 * The resolver that the configuration asks for: "127.0.0.1:53, [::1]:5353, 192.0.2.53" (port 53 where
 * none is given), or the system's when that is empty. Throws INVALID_ARGUMENT on anything else.
 */
export function configuredResolver(servers: string, trusted: boolean): Resolver {
  const [first, ...others] = servers
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => parseServer(part, trusted))
  return first === undefined ? systemResolver() : dnsResolver([first, ...others])
}

const form = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<v4>[0-9.]+))(?::(?<port>\d{1,5}))?$/i

function parseServer(text: string, trusted: boolean): ConfiguredServer {
  const { port = '53', v4, v6 } = form.exec(text)?.groups ?? {}
  const host = v4 ?? v6
  if (host === undefined) {
    const message = `the DNS resolver ${text} is not an address like 127.0.0.1:53 or [::1]:53`
    throw new MailxError('INVALID_ARGUMENT', message)
  }
  return { host, port: Number(port), trusted }
}
