// Commits five events and is killed before anything could be published: <database url>.
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { openEventLog } from '@mailx/event-log/open-log'

const [url = ''] = process.argv.slice(2)
const pool = await connectPostgres({ url, applicationName: 'dies' })
const log = await openEventLog({ pool, partitions: 1 })
// Called after COMMIT, where the relay would take the batch over.
log.onCommitted(() => process.kill(process.pid, 'SIGKILL'))
await Promise.all(
  Array.from({ length: 5 }, (_, i) =>
    log.append({
      context: 'submission',
      key: 'key',
      stream: `unpublished-${i}`,
      expectedVersion: 0,
      events: [{ type: 'Happened', data: new Uint8Array(1) }],
    }),
  ),
)
