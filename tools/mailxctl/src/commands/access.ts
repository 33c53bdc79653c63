import { MailxError } from '@mailx/errors/mailx-error'
import {
  type Given,
  giveAccess,
  NATS,
  natsAuthorization,
  natsUsersIn,
  PUBLIC_KEYS,
} from '../give-access.ts'
import { clusterSecrets } from '../k8s/cluster-secrets.ts'
import { type ClusterOptions, connectCluster } from '../k8s/connect-cluster.ts'
import type { Output } from '../run.ts'
import { type SecretStore, secretFiles } from '../secret-store.ts'

/** What `prepare-database` reads: a file for each role, called as its process is. */
const ROLES = 'postgres-roles'

const filesIn = (folder: string): SecretStore =>
  secretFiles(folder, (owner) =>
    owner === NATS ? [PUBLIC_KEYS] : ['DATABASE_PASSWORD', 'NATS_SEED'],
  )

/** `mailxctl access <folder>`: a role's password and a NATS user's seed for each process, as files. */
export async function accessCommand(output: Output, folder: string): Promise<void> {
  const store = filesIn(folder)
  const all = await giveAccess(store)
  const passwords = all.map(({ principal, password }) => [principal, password] as const)
  await store.write(ROLES, Object.fromEntries(passwords))
  show(output, all)
}

export type K8sAccessOptions = ClusterOptions & { readonly prefix: string }

/** `mailxctl k8s access`: the same as Secrets. */
export async function k8sAccessCommand(
  output: Output,
  { prefix, ...options }: K8sAccessOptions,
): Promise<void> {
  show(output, await giveAccess(clusterSecrets(await connectCluster(options), prefix)))
}

/** `mailxctl nats-users <folder>`: the users for the configuration of a NATS server. */
export const natsUsersCommand = (output: Output, folder: string): Promise<void> =>
  showUsers(output, filesIn(folder), `${folder}: make them by mailxctl access ${folder}`)

/** `mailxctl k8s nats-users`: the same, by the Secrets. */
export async function k8sNatsUsersCommand(
  output: Output,
  { prefix, ...options }: K8sAccessOptions,
): Promise<void> {
  const cluster = await connectCluster(options)
  const where = `the Secrets ${prefix}-… in namespace ${cluster.namespace}: make them by mailxctl k8s access`
  await showUsers(output, clusterSecrets(cluster, prefix), where)
}

async function showUsers(output: Output, store: SecretStore, where: string): Promise<void> {
  const users = await natsUsersIn(store)
  if (users.length === 0) throw new MailxError('NOT_FOUND', `there is no NATS_SEED in ${where}`)
  output.record({ kind: 'nats-users', users }, natsAuthorization(users))
}

/** Never what is secret of it. */
function show(output: Output, all: readonly Given[]): void {
  for (const { principal, place, outcome, publicKey } of all) {
    const line = `${outcome.padEnd(9)}  ${place}  ${publicKey}`
    output.record({ kind: 'access', principal, place, outcome, publicKey }, line)
  }
}
