import { MailxError } from '@mailx/errors/mailx-error'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { openEventLog } from '@mailx/event-log/open-log'
import { readCheckpoints } from '@mailx/processors/checkpoint'
import { readOperation, requestOperation } from '@mailx/processors/operator-requests'
import type { Pool } from 'pg'
import type { BenchCase } from './bench-case.ts'
import { databaseOf } from './database-of.ts'
import { higher, lower } from './figures.ts'

/** What an operator does with `mailxctl projection rebuild`, for every projection of the first domain. */
export const rebuildCase: BenchCase = {
  title: 'rebuild of all projections of a domain, out of its whole log',
  standard: true,
  async run(lab) {
    const pool = await connectPostgres({ url: databaseOf(lab, 0), applicationName: 'bench' })
    try {
      const began = performance.now()
      const asked = await askForAll(pool)
      const replayed: Record<string, number> = {}
      for (const { schema, processor, id } of asked) {
        const events = await rebuilt(pool, schema, id)
        if (events !== undefined) replayed[processor] = events
      }
      const seconds = (performance.now() - began) / 1000
      const log = await openEventLog({ pool })
      const heads = await log.heads()
      await log.close()
      const events = heads.reduce((sum, { position }) => sum + Number(position), 0)
      const applied = Object.values(replayed).reduce((sum, one) => sum + one, 0)
      return {
        figures: { time: lower(seconds, 's'), events: higher(applied / seconds, '/s') },
        details: { eventsInLog: events, eventsByProjection: replayed },
      }
    } finally {
      await pool.end()
    }
  },
}

type Asked = { readonly schema: string; readonly processor: string; readonly id: bigint }

async function askForAll(pool: Pool): Promise<Asked[]> {
  const asked: Asked[] = []
  const { rows } = await pool.query<{ schema: string }>(
    `select table_schema as schema from information_schema.tables
       where table_name = 'checkpoints' order by 1`,
  )
  for (const { schema } of rows) {
    const checkpoints = await readCheckpoints(pool, schema)
    for (const processor of new Set(checkpoints.map((one) => one.processor))) {
      const id = await requestOperation(pool, schema, { processor, action: 'rebuild' })
      asked.push({ schema, processor, id })
    }
  }
  return asked
}

/** Out of how many events; undefined for a reactor, which has nothing to rebuild. */
async function rebuilt(pool: Pool, schema: string, id: bigint): Promise<number | undefined> {
  for (;;) {
    const { status, progress = '' } = (await readOperation(pool, schema, id)) ?? {}
    if (status === 'done') return Number(/\d+/.exec(progress)?.[0])
    if (status === 'failed') {
      if (progress.includes('there is no projection')) return undefined
      throw new MailxError('INTERNAL', `a rebuild failed: ${progress}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
