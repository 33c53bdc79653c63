import { open, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readCheckpoints } from '@mailx/processors/checkpoint'
import { listParked } from '@mailx/processors/parked-events'
import { connectCluster } from '../k8s/connect-cluster.ts'
import { listPods, ofRelease } from '../k8s/list-pods.ts'
import { readLogs } from '../k8s/read-logs.ts'
import { type Database, serviceSchemas, withDatabase } from '../open-database.ts'
import type { Output } from '../run.ts'
import { type OpsOptions, opsPorts, releaseOf } from '../status/ops-ports.ts'
import { readDatabase } from '../status/read-database.ts'
import { readServices } from '../status/read-services.ts'
import { scrub, scrubText } from '../support/scrub.ts'

export type BundleOptions = OpsOptions & {
  /** A file; `-` is stdout. */
  readonly out: string
  /** A folder of log files. */
  readonly logs?: string
}

/** Of each log file, from its end. */
const LOG_BYTES = 256 * 1024

/**
 * `mailxctl support-bundle`: what somebody who helps needs to know, in one JSON file without addresses,
 * tokens, keys or mail. A part that cannot be had is there with the reason.
 */
export async function supportBundleCommand(output: Output, options: BundleOptions): Promise<void> {
  const bundle = {
    made: new Date().toISOString(),
    node: process.versions.node,
    services: await orReason(async () => {
      const reports = await readServices(await opsPorts(options))
      return reports.map(({ samples, troubles, ...report }) => ({
        ...(scrub(report) as object),
        samples: samples.map(lineOf),
        troubles: troubles.map(scrub),
      }))
    }),
    database: await orReason(() => withDatabase(aboutDatabase)),
    logs: await orReason(() => logsOf(options)),
  }
  const text = `${JSON.stringify(bundle, undefined, 2)}\n`
  if (options.out === '-') {
    process.stdout.write(text)
    return
  }
  await writeFile(options.out, text, { mode: 0o600 })
  output.record(
    { file: options.out },
    `${options.out}: look through it before you give it away; it names domains, not people`,
  )
}

/** Metrics and lists are long: each entry is scrubbed by itself, as `scrub` cuts lists. */
const lineOf = ({ labels, name, value }: { labels: object; name: string; value: number }) =>
  `${name} ${JSON.stringify(scrub(labels))} ${value}`

async function orReason(read: () => Promise<unknown>): Promise<unknown> {
  try {
    return await read()
  } catch (error) {
    return { missing: scrub(error instanceof Error ? error.message : String(error)) }
  }
}

async function aboutDatabase(database: Database): Promise<unknown> {
  const { log, pool } = database
  const schemas = await serviceSchemas(pool)
  const settings = await pool.query<{ name: string; setting: string }>(
    `select name, setting from pg_settings where source not in ('default', 'client') and name = any($1)`,
    [settingNames],
  )
  const processors = await Promise.all(
    schemas.map(async (schema) => ({
      schema,
      checkpoints: (await readCheckpoints(pool, schema)).map((one) => JSON.stringify(scrub(one))),
      parked: (await listParked(pool, schema)).map((one) => scrub({ ...one, stream: '' })),
    })),
  )
  const { events, ...status } = await readDatabase(database)
  return {
    status: scrub({ ...status, events: events.toString() }),
    heads: (await log.heads()).map(
      ({ context, partition, position, published }) =>
        `${context} ${partition} ${position} published ${published}`,
    ),
    processors,
    settings: settings.rows.map(({ name, setting }) => `${name} = ${setting}`),
  }
}

const settingNames = [
  'fsync',
  'full_page_writes',
  'max_connections',
  'max_wal_size',
  'shared_buffers',
  'synchronous_commit',
  'synchronous_standby_names',
  'wal_level',
]

async function logsOf(options: BundleOptions): Promise<unknown> {
  if (options.logs !== undefined) return readFolder(options.logs)
  const release = releaseOf(options)
  if (release === undefined) return 'not asked for'
  const cluster = await connectCluster(options)
  const pods = await listPods(cluster, ofRelease(release))
  const logs = Object.entries(await readLogs(cluster, pods))
  return Object.fromEntries(logs.map(([name, text]) => [name, scrubText(text).split('\n')]))
}

async function readFolder(folder: string): Promise<Record<string, readonly string[]>> {
  const logs: Record<string, readonly string[]> = {}
  for (const name of (await readdir(folder)).toSorted()) {
    const file = await open(join(folder, name))
    try {
      const { size } = await file.stat()
      const length = Math.min(size, LOG_BYTES)
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
      logs[name] = scrubText(buffer.toString('utf8').trimEnd()).split('\n')
    } finally {
      await file.close()
    }
  }
  return logs
}
