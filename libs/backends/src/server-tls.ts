import { chown, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MailxError } from '@mailx/errors/mailx-error'
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
  { certPem, clientCaPem, keyPem }: ServerTls,
  user?: User,
): Promise<ServerTlsFiles> {
  const write = async (name: string, pem: string) => {
    const file = join(folder, name)
    await writeFile(file, pem, { mode: 0o600 })
    if (user !== undefined) await chown(file, user.uid, user.gid)
    return file
  }
  return {
    cert: await write('server.crt', certPem),
    key: await write('server.key', keyPem),
    ...(clientCaPem !== undefined && { clientCa: await write('client-ca.crt', clientCaPem) }),
  }
}

/** In a container the files would belong to somebody whom its server does not trust. */
export function refuseTlsInDocker(tls: ServerTls | undefined): void {
  if (tls === undefined) return
  throw new MailxError(
    'FAILED_PRECONDITION',
    'a server with TLS is run from a program of this machine alone: take MAILX_BACKENDS=auto or local',
  )
}
