// Appends from a process of its own: <database url> <name> <count>.
import { connectPostgres } from './connect-postgres.ts'
import { openEventLog } from './open-log.ts'

const [url = '', name = '', count = '0'] = process.argv.slice(2)
const pool = await connectPostgres({ url, applicationName: name })
const log = await openEventLog({ pool, partitions: 1 })
const events = [{ type: 'Happened', data: new Uint8Array([1, 2, 3]) }]
for (let i = 0; i < Number(count); i += 10) {
  await Promise.all(
    Array.from({ length: 10 }, (_, k) =>
      log.append({
        context: 'submission',
        key: name,
        stream: `${name}-${i + k}`,
        expectedVersion: 0,
        events,
      }),
    ),
  )
}
await log.close()
await pool.end()
