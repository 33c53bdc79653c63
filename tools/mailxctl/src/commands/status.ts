import { MailxError } from '@mailx/errors/mailx-error'
import { withDatabase } from '../open-database.ts'
import type { Output } from '../run.ts'
import { findProblems } from '../status/find-problems.ts'
import { type OpsOptions, type OpsPort, opsPorts, releaseOf } from '../status/ops-ports.ts'
import { pageOf } from '../status/page.ts'
import { readDatabase } from '../status/read-database.ts'
import { readServices } from '../status/read-services.ts'

/** `mailxctl status`: on one page what an operator asks first. `false` when something is wrong. */
export async function statusCommand(output: Output, options: OpsOptions): Promise<boolean> {
  const ports = await opsPorts(options).catch(asProblem)
  const services = 'problem' in ports ? [] : await readServices(ports)
  const told = await withDatabase(readDatabase).catch(asProblem)
  const database = 'problem' in told ? undefined : told
  const problems = [
    ...('problem' in told ? [told.problem] : []),
    ...('problem' in ports ? [ports.problem] : nobodyOf(options, ports)),
    ...findProblems(database, services),
  ]
  const record = {
    problems,
    database: told,
    services: services.map((service) => ({ ...service, samples: undefined })),
  }
  output.record(record, pageOf({ database, services, problems }))
  return problems.length === 0
}

/** Without its database, or without Kubernetes, the deployment has much to tell all the same. */
function asProblem(error: unknown): { readonly problem: string } {
  if (error instanceof MailxError) return { problem: error.message }
  throw error
}

function nobodyOf(options: OpsOptions, ports: readonly OpsPort[]): string[] {
  const release = releaseOf(options)
  return release === undefined || ports.length > 0
    ? []
    : [`no pod of the release ${release} tells how it is (--release, --namespace)`]
}
