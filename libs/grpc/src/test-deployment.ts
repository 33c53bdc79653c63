import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createAuthority,
  type DeploymentAuthority,
  issueServiceCertificate,
} from './deployment-authority.ts'
import type { CertificateText } from './deployment-certificate.ts'
import type { CallerName } from './service-id.ts'

export const HOUR_MS = 60 * 60 * 1000

/** For tests: an authority and the files that it gives to services. */
export type TestDeployment = {
  readonly authority: DeploymentAuthority
  /** A certificate for the service, from `by` and trusting `trust` where they are not the authority. */
  give(name: CallerName, how?: Gift): Promise<CertificateText>
  remove(): Promise<void>
}

export type Gift = {
  readonly by?: DeploymentAuthority
  readonly trust?: readonly DeploymentAuthority[]
  /** Until when from now on. Before now: it has expired. */
  readonly validForMs?: number
}

export const testAuthority = (deployment = 'test', at = Date.now()) =>
  createAuthority({ deployment, notBefore: at - HOUR_MS, notAfter: at + HOUR_MS })

export async function testDeployment(): Promise<TestDeployment> {
  const folder = await mkdtemp(join(tmpdir(), 'mailx-deployment-'))
  const authority = await testAuthority()
  return {
    authority,
    give: async (name, { by = authority, trust = [authority], validForMs = HOUR_MS } = {}) => {
      const now = Date.now()
      const lifetime = { notBefore: now - HOUR_MS, notAfter: now + validForMs }
      const { certPem, keyPem } = await issueServiceCertificate(by, { name, ...lifetime })
      const own = join(folder, name)
      await mkdir(own, { recursive: true })
      const files = {
        ca: join(own, 'ca.crt'),
        cert: join(own, 'tls.crt'),
        key: join(own, 'tls.key'),
      }
      await replace(files.ca, trust.map((one) => one.certPem).join(''))
      await replace(files.cert, certPem)
      await replace(files.key, keyPem)
      return files
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** In one step: nobody reads half of it. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
