import { parseDomain } from '@mailx/address/domain'
import { MailxError } from '@mailx/errors/mailx-error'
import { type WatchedFileOptions, watchFile } from './watched-file.ts'

export type FederationMode = 'open' | 'allow' | 'deny'

/** Which domains this deployment talks to. An empty allow-list means nobody. */
export type FederationPolicy = {
  /** Throws PEER_NOT_ALLOWED for a domain that is kept out. */
  admit(domain: string): void
  /** Looks whether the list changed; see watched-file.ts. Runs by itself. */
  look(): Promise<void>
  stop(): void
}

type FederationPolicyOptions = Pick<
  WatchedFileOptions<ReadonlySet<string>>,
  'onReloaded' | 'onFailure' | 'pollMs'
> & {
  readonly mode: FederationMode
  /** One domain per line; `#` starts a comment. Not read in mode open. */
  readonly listFile?: string | undefined
}

const openPolicy: FederationPolicy = {
  admit: () => undefined,
  look: () => Promise.resolve(),
  stop: () => undefined,
}

/** Loads the policy. Rejects with INVALID_ARGUMENT when the list cannot be read at the start. */
export async function loadFederationPolicy({
  listFile,
  mode,
  ...watching
}: FederationPolicyOptions): Promise<FederationPolicy> {
  if (mode === 'open') return openPolicy
  if (listFile === undefined) {
    const message = `FEDERATION_POLICY=${mode} needs FEDERATION_LIST, a file with a domain per line`
    throw new MailxError('INVALID_ARGUMENT', message)
  }
  const list = await watchFile({
    variable: 'FEDERATION_LIST',
    path: listFile,
    parse: parseList,
    ...watching,
  })
  return {
    admit: (domain) => {
      if (list.current().has(domain) === (mode === 'allow')) return
      const why = mode === 'allow' ? 'is not on the allow-list' : 'is on the deny-list'
      const message = `${domain} ${why} of this deployment; its operator decides`
      throw new MailxError('PEER_NOT_ALLOWED', message)
    },
    look: list.look,
    stop: list.stop,
  }
}

function parseList(text: string): ReadonlySet<string> {
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim())
  return new Set(lines.filter((line) => line !== '').map(parseDomain))
}
