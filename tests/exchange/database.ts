import type { RunningDeployment } from '@mailx/dev-tool/run-deployment'
import type { Stack } from '@mailx/dev-tool/stack'
import { Pool } from 'pg'

/** The deployment of that name. */
export function deploymentOf(stack: Stack, name: string): RunningDeployment {
  const found = stack.deployments.find(({ deployment }) => deployment.name === name)
  if (found === undefined) throw new Error(`the stack has no deployment ${name}`)
  return found
}

/** A superuser's way into a deployment's database. End it when done. */
export const databaseOf = ({ deployment }: RunningDeployment): Pool =>
  new Pool({ connectionString: deployment.ownerEnv['MIGRATION_DATABASE_URL'], max: 2 })

/** How many events a context has, in all its partitions: nothing changed where it stays the same. */
export async function countEvents(database: Pool, context: string): Promise<number> {
  const { rows } = await database.query<{ events: string }>(
    'select coalesce(sum(head), 0) as events from log.partitions where context = $1',
    [context],
  )
  return Number(rows[0]?.events)
}

/** Which of a message's sealed bytes. */
export type Part = 'content' | 'envelope'

/**
 * Changes what a server keeps of a message for one mailbox, as whoever runs the server could, and
 * returns how to put the true bytes back.
 */
export async function tamper(
  database: Pool,
  message: { readonly mailbox: string; readonly id: Uint8Array },
  part: Part,
  change: (bytes: Uint8Array) => Uint8Array,
): Promise<() => Promise<void>> {
  const { rows } = await database.query<{ hash: Buffer; data: Buffer }>(
    `select b.hash, b.data from storage.entries e join mail.blobs b on b.hash = e.${part}_hash
       where e.mailbox = $1 and e.message_id = $2`,
    [message.mailbox, Buffer.from(message.id)],
  )
  const [blob] = rows
  if (blob === undefined) throw new Error(`${message.mailbox} does not have the message`)
  const write = async (data: Uint8Array) => {
    await database.query('update mail.blobs set data = $2 where hash = $1', [blob.hash, data])
  }
  await write(Buffer.from(change(Uint8Array.from(blob.data))))
  return () => write(blob.data)
}

/** The bytes with one bit turned over, in the middle. */
export function flipped(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice()
  const middle = changed.length >> 1
  changed[middle] = (changed[middle] ?? 0) ^ 1
  return changed
}
