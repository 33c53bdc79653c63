import { MailxError } from '@mailx/errors/mailx-error'
import { readCheckpoints } from '@mailx/processors/checkpoint'
import {
  type OperatorAction,
  readOperation,
  requestOperation,
} from '@mailx/processors/operator-requests'
import { countParked, listParked } from '@mailx/processors/parked-events'
import type { Pool } from 'pg'
import { serviceSchemas, withDatabase } from '../open-database.ts'
import type { Output } from '../run.ts'

/** `mailxctl projection lag`: how far each projection and reactor is behind its partitions. */
export async function lagCommand(output: Output): Promise<void> {
  await withDatabase(async ({ pool, log }) => {
    const heads = new Map((await log.heads()).map((head) => [head.partition, head.position]))
    for (const schema of await serviceSchemas(pool)) {
      const parked = await countParked(pool, schema)
      for (const { processor, partition, position } of await readCheckpoints(pool, schema)) {
        const head = heads.get(partition) ?? 0n
        const record = { processor, partition, position, head, lag: head - position }
        const waiting = parked.get(processor) ?? 0
        output.record(
          { ...record, parked: waiting },
          `${processor.padEnd(36)}  ${partition.padEnd(16)}  at ${position} of ${head}, ${record.lag} behind${waiting ? `, ${waiting} parked` : ''}`,
        )
      }
    }
  })
}

/** `mailxctl projection rebuild`: empties a projection and fills it again from the log. */
export const rebuildCommand = (output: Output, name: string): Promise<boolean> =>
  askService(output, name, 'rebuild')

/** `mailxctl parked list`: events that a processor went past, with the reason. */
export async function listParkedCommand(output: Output): Promise<void> {
  await withDatabase(async ({ pool }) => {
    let count = 0
    for (const schema of await serviceSchemas(pool)) {
      for (const parked of await listParked(pool, schema)) {
        const { processor, partition, position, type, stream, reason, tries } = parked
        const parkedAt = new Date(parked.parkedAt).toISOString()
        count += 1
        output.record(
          { ...parked, parkedAt },
          `${parkedAt}  ${processor}  ${partition}/${position}  ${type} of ${stream}: ${reason} (${tries} tries)`,
        )
      }
    }
    if (count === 0) output.record({ parked: 0 }, 'nothing is parked')
  })
}

/** `mailxctl parked replay`: applies a processor's parked events once more. */
export const replayCommand = (output: Output, name: string): Promise<boolean> =>
  askService(output, name, 'replay')

const ANSWER_WITHIN_MS = 15_000

/** Leaves the request in the service's schema and waits for the service to carry it out. */
async function askService(output: Output, name: string, action: OperatorAction): Promise<boolean> {
  return withDatabase(async ({ pool }) => {
    const schema = await schemaOf(pool, name)
    const id = await requestOperation(pool, schema, { processor: name, action })
    const asked = Date.now()
    for (;;) {
      const request = await readOperation(pool, schema, id)
      if (request?.status === 'done' || request?.status === 'failed') {
        const { status, progress } = request
        output.record({ processor: name, action, status, progress }, `${name}: ${progress}`)
        return status === 'done'
      }
      if (request?.status === 'waiting' && Date.now() - asked > ANSWER_WITHIN_MS) {
        await pool.query(`delete from "${schema}".operator_requests where id = $1`, [id.toString()])
        throw new MailxError(
          'UNAVAILABLE',
          `no ${schema} service took the request within ${ANSWER_WITHIN_MS / 1000} s: start one and ask again`,
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  })
}

async function schemaOf(pool: Pool, name: string): Promise<string> {
  const known: string[] = []
  for (const schema of await serviceSchemas(pool)) {
    for (const { processor } of await readCheckpoints(pool, schema)) {
      if (processor === name) return schema
      known.push(processor)
    }
  }
  const names = [...new Set(known)].toSorted().join(', ')
  throw new MailxError(
    'NOT_FOUND',
    `there is no processor ${name}; there are: ${names || 'none yet'}`,
  )
}
