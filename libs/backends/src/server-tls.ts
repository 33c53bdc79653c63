import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileInContainer } from './file-in-container.ts'
import type { User } from './unprivileged-user.ts'

/** PEM. A server that has it takes TLS; nats-server and Redis take nothing else then. */
export type ServerTls = {
  readonly certPem: string
  readonly keyPem: string
  /** Clients have to show a certificate of this authority. */
  readonly clientCaPem?: string
}

export type ServerTlsFiles = {
  readonly cert: string
  readonly key: string
  readonly clientCa?: string
}

/** Writes it where the server can read it and nobody else. */
export async function writeServerTls(
  folder: string,
  tls: ServerTls,
  user?: User,
): Promise<ServerTlsFiles> {
  const { paths, files } = layOut(folder, tls)
  for (const { content, target } of files) {
    await writeFile(target, content, { mode: 0o600 })
    if (user !== undefined) await chown(target, user.uid, user.gid)
  }
  return paths
}

export const TLS_IN_CONTAINER = '/etc/mailx-tls'

/** What has to be copied into the container of a server, and the paths for its configuration. */
export function tlsInContainer(tls: ServerTls | undefined): {
  readonly paths?: ServerTlsFiles
  readonly files: readonly FileInContainer[]
} {
  return tls === undefined ? { files: [] } : layOut(TLS_IN_CONTAINER, tls)
}

function layOut(folder: string, { certPem, clientCaPem, keyPem }: ServerTls) {
  const paths = {
    cert: join(folder, 'server.crt'),
    key: join(folder, 'server.key'),
    ...(clientCaPem !== undefined && { clientCa: join(folder, 'client-ca.crt') }),
  }
  const files = [
    { content: certPem, target: paths.cert },
    { content: keyPem, target: paths.key },
    ...(clientCaPem === undefined
      ? []
      : [{ content: clientCaPem, target: join(folder, 'client-ca.crt') }]),
  ]
  return { paths, files }
}
