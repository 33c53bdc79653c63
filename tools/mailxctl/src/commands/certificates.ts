import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MailxError } from '@mailx/errors/mailx-error'
import { callerNames } from '@mailx/grpc/service-id'
import {
  type CertificateStore,
  type Issued,
  issueCertificates,
  services,
} from '../issue-certificates.ts'
import { certificateSecrets } from '../k8s/certificate-secrets.ts'
import { type ClusterOptions, connectCluster } from '../k8s/connect-cluster.ts'
import type { Output } from '../run.ts'

/** `mailxctl certificates <folder>`: what services know each other by, as files. */
export async function certificatesCommand(
  output: Output,
  folder: string,
  { deployment }: { readonly deployment: string },
): Promise<void> {
  const request = { deployment, owners: callerNames, now: Date.now() }
  show(output, await issueCertificates(certificateFiles(folder), request))
}

export type K8sCertificatesOptions = ClusterOptions & {
  readonly prefix: string
  readonly deployment: string
}

/** `mailxctl k8s certificates`: the same as Secrets. */
export async function k8sCertificatesCommand(
  output: Output,
  { prefix, deployment, ...options }: K8sCertificatesOptions,
): Promise<void> {
  const store = certificateSecrets(await connectCluster(options), prefix)
  const request = { deployment, owners: services, now: Date.now() }
  show(output, await issueCertificates(store, request))
}

function show(output: Output, all: readonly Issued[]): void {
  for (const issued of all) {
    const { place, outcome, expiresAt } = issued
    const line = `${outcome.padEnd(7)}  ${place}  until ${expiresAt.toISOString()}`
    output.record({ kind: 'certificate', ...issued }, line)
  }
}

const namesOf = (owner: string): readonly string[] =>
  owner === 'authority' ? ['ca.crt', 'ca.key'] : ['ca.crt', 'tls.crt', 'tls.key']

/** A folder for each owner, for its user alone. */
const certificateFiles = (folder: string): CertificateStore => ({
  placeOf: (owner) => join(folder, owner),
  read: async (owner) => {
    const texts = await Promise.all(
      namesOf(owner).map(async (name) => [name, await textOf(join(folder, owner, name))] as const),
    )
    const there = texts.filter(([, text]) => text !== undefined)
    return there.length === 0 ? undefined : (Object.fromEntries(there) as Record<string, string>)
  },
  write: async (owner, texts) => {
    const own = join(folder, owner)
    await mkdir(own, { recursive: true, mode: 0o700 })
    for (const [name, text] of Object.entries(texts)) {
      await writeFile(join(own, `${name}.new`), text, { mode: 0o600 })
    }
    for (const name of Object.keys(texts)) await rename(join(own, `${name}.new`), join(own, name))
  },
})

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new MailxError('PERMISSION_DENIED', `cannot read ${path}: ${code}`, { cause: error })
  }
}
