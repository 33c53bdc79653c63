import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServerTls } from '@mailx/backends/server-tls'
import { makeAuthority } from '@mailx/testing/made-authority'

/** By which services know the servers of a stack, and nobody else. */
export type ServerCertificates = {
  /** What each server shows. */
  readonly tls: ServerTls
  /** With it services take nothing but TLS. */
  readonly env: Readonly<Record<string, string>>
}

/** Good for an hour. The authority's certificate goes into the folder. */
export async function serverCertificates(folder: string): Promise<ServerCertificates> {
  const authority = await makeAuthority('servers of the stack')
  const file = join(folder, 'servers-ca.crt')
  await writeFile(file, authority.certPem)
  return {
    tls: await authority.issue(['localhost', '127.0.0.1']),
    env: { DATABASE_CA_FILE: file, NATS_CA_FILE: file, REDIS_CA_FILE: file },
  }
}
