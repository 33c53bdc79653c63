import type { EventLog } from '@mailx/event-log/event-log'
import { appendRequest } from '@mailx/event-log/test-log'
import type { Codecs, Recorded } from '@mailx/events/event'
import { type TestBus, testBus } from '@mailx/messaging/test-bus'
import type { Projection } from './projection.ts'
import {
  type ProjectionRunner,
  type RunProjectionsOptions,
  runProjections,
} from './run-projections.ts'

export const CONTEXT = 'submission'

/** One event type whose data is a number. */
export const numbers = {
  Counted: {
    encode: (value: number) => ({ finish: () => new Uint8Array([value]) }),
    decode: (bytes: Uint8Array) => {
      const [value] = bytes
      if (value === undefined) throw new Error('no number')
      return value
    },
  },
} satisfies Codecs

export type Counted = Recorded<{ readonly type: 'Counted'; readonly data: number }>

/**
 * Two tables that tell what was applied: every event once (`entries`), and a sum by stream, which
 * comes out wrong as soon as an event is missing or applied twice.
 */
export const sums: Projection<typeof numbers> = {
  name: 'test.sums',
  contexts: [CONTEXT],
  events: numbers,
  handles: ['Counted'],
  tables: ['test.entries', 'test.sums'],
  async apply(sql, events) {
    await sql.query('insert into test.entries select * from unnest($1::text[], $2::bigint[])', [
      events.map(({ partition }) => partition),
      events.map(({ position }) => position.toString()),
    ])
    await sql.query(
      `insert into test.sums as s
         select n.stream, sum(n.value) from unnest($1::text[], $2::int[]) as n(stream, value)
         group by n.stream
       on conflict (stream) do update set sum = s.sum + excluded.sum`,
      [events.map(({ stream }) => stream), events.map(({ data }) => data)],
    )
  },
}

const tables = `create schema test;
  create table test.entries (partition text, position bigint, primary key (partition, position));
  create table test.sums (stream text primary key, sum bigint)`

export type TestRunner = TestBus & {
  /** A replica with its own connections. It ends with `drop`. */
  run(options?: Partial<RunProjectionsOptions>): Promise<ProjectionRunner>
  /** Appends the number 1 this many times, spread over keys, at most 50 at a time. */
  count(times: number, log?: EventLog): Promise<void>
  /** Everything in the tables, in a fixed order. */
  dump(): Promise<unknown>
  tally(): Promise<Tally>
}

/** How many events are in the log, and how many the tables have. */
export type Tally = { readonly events: number; readonly entries: number; readonly sum: number }

/** All events of the log have been applied, none twice. */
export const eachOnce = ({ events, entries, sum }: Tally): boolean =>
  entries === events && sum === events

/** A log, a bus, and the tables of `sums`, for integration tests. */
export async function testRunner(contexts = { [CONTEXT]: 2 }): Promise<TestRunner> {
  const bus = await testBus(contexts)
  const runners: ProjectionRunner[] = []
  let appended = 0
  await bus.pool.query(tables)

  return {
    ...bus,
    async run(options = {}) {
      const log = options.log ?? (await bus.openAnother())
      const runner = await runProjections({
        pool: bus.pool,
        log,
        nats: bus.nats,
        busKeys: bus.busKeys,
        schema: 'test',
        service: 'test',
        projections: [sums],
        onTrouble: (error) => bus.troubles.push(error),
        pollEveryMs: 100,
        balanceEveryMs: 100,
        ...options,
      })
      runners.push(runner)
      return runner
    },
    async count(times, log = bus.log) {
      for (let left = times; left > 0; left -= 50) {
        const batch = Array.from({ length: Math.min(left, 50) }, () => {
          appended += 1
          const key = `user${appended % 7}@a.test`
          const events = [{ type: 'Counted', data: new Uint8Array([1]) }]
          return appendRequest({ key, stream: key, expectedVersion: 'any', events })
        })
        await Promise.all(batch.map((request) => log.append(request)))
      }
    },
    async dump() {
      const { rows: entries } = await bus.pool.query('select * from test.entries order by 1, 2')
      const { rows: totals } = await bus.pool.query('select * from test.sums order by 1')
      return { entries, totals }
    },
    async tally() {
      const { rows } = await bus.pool.query<Tally>(
        `select (select count(*) from log.events)::int as events,
           (select count(*) from test.entries)::int as entries,
           (select coalesce(sum(sum), 0) from test.sums)::int as sum`,
      )
      return rows[0] as Tally
    },
    async drop() {
      for (const runner of runners) await runner.stop()
      await bus.drop()
    },
  }
}
