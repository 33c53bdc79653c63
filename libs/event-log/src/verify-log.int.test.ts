import { afterEach, beforeEach, expect, test } from 'vitest'
import { appendRequest, type TestLog, testLog } from './test-log.ts'
import { verifyLog } from './verify-log.ts'

let db: TestLog

beforeEach(async () => {
  db = await testLog({ contexts: { submission: 1 } })
  for (let i = 0; i < 5; i += 1) await db.log.append(appendRequest({ stream: `s${i}` }))
})
afterEach(() => db.drop())

/** What somebody with all rights on the database can do. */
const tamper = (statement: string) =>
  db.pool.query(`set session_replication_role = replica; ${statement};
    set session_replication_role = origin`)

test('a log as it was written is sound', async () => {
  expect(await verifyLog(db.log, 'submission-0')).toEqual({
    sound: true,
    partition: 'submission-0',
    events: 5n,
  })
})

test.each<[string, string, bigint, string]>([
  ['changed data', "update log.events set data = '\\x00' where position = 3", 3n, 'not what'],
  ['a changed time', 'update log.events set recorded_at = 0 where position = 2', 2n, 'not what'],
  ['a changed hash', "update log.events set hash = '\\x00' where position = 4", 4n, 'not what'],
  ['a missing event', 'delete from log.events where position = 3', 3n, 'missing'],
  ['a missing last event', 'delete from log.events where position = 5', 5n, 'missing'],
  ['nothing left', 'delete from log.events', 1n, 'missing'],
  [
    'exchanged events',
    `update log.events set position = 100 where position = 2;
     update log.events set position = 2 where position = 3;
     update log.events set position = 3 where position = 100`,
    2n,
    'not what',
  ],
  ['another head', "update log.partitions set head_hash = '\\x00'", 5n, 'head'],
  ['a head set back', 'update log.partitions set head = 4', 4n, 'head'],
  [
    'an event beyond the head',
    `insert into log.events select partition, 6, 'x', 1, type, data, metadata, recorded_at, hash
       from log.events where position = 5`,
    6n,
    'beyond',
  ],
])('%s is found, with its position', async (_, statement, position, problem) => {
  await tamper(statement)
  expect(await verifyLog(db.log, 'submission-0')).toEqual({
    sound: false,
    partition: 'submission-0',
    position,
    problem: expect.stringContaining(problem),
  })
})

test('a partition that does not exist is not sound', async () => {
  expect(await verifyLog(db.log, 'nowhere-0')).toMatchObject({ sound: false })
})
