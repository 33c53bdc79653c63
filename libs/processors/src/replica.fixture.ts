// A replica of the test service in a process of its own, until it is killed: <database url> <nats url>.
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { openEventLog } from '@mailx/event-log/open-log'
import { connectNats } from '@mailx/messaging/connect'
import { runProjections } from './run-projections.ts'
import { CONTEXT, sums } from './test-runner.ts'

const [url = '', natsUrl = ''] = process.argv.slice(2)
const pool = await connectPostgres({ url, applicationName: 'replica' })
await runProjections({
  pool,
  log: await openEventLog({ pool, contexts: { [CONTEXT]: 4 }, partitions: 4 }),
  nats: await connectNats({ url: natsUrl, name: 'replica' }),
  busKeys: () => [new Uint8Array(32).fill(7)],
  schema: 'test',
  service: 'test',
  projections: [sums],
  balanceEveryMs: 100,
})
