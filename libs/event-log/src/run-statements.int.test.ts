import { afterAll, beforeAll, expect, test } from 'vitest'
import { runStatements, type Statement } from './run-statements.ts'
import { type TestLog, testLog } from './test-log.ts'

let db: TestLog

beforeAll(async () => {
  db = await testLog()
  await db.pool.query('create table notes (id int primary key, body bytea)')
})
afterAll(() => db.drop())

const add = (id: number, body: Buffer | null): Statement => ({
  name: 'test.add',
  text: 'insert into notes (id, body) values ($1::int, $2) returning id, encode(body, $3)',
  values: [String(id), body, 'hex'],
})
const count: Statement = { name: 'test.count', text: 'select count(*) from notes', values: [] }

async function run(statements: readonly Statement[]) {
  const client = await db.pool.connect()
  try {
    const results = await runStatements(client, statements)
    client.release()
    return results
  } catch (error) {
    client.release(true)
    throw error
  }
}

test('each statement sees what those before it did, and returns its own rows', async () => {
  const results = await run([add(1, Buffer.from('ab', 'hex')), count, add(2, null)])
  expect(results).toEqual([[['1', 'ab']], [['1']], [['2', null]]])
  // Prepared by now: the same again over the same connections.
  expect(await run([count, add(3, null), add(4, null), count])).toEqual([
    [['2']],
    [['3', null]],
    [['4', null]],
    [['4']],
  ])
})

test('when one fails nothing has happened, and the error says which', async () => {
  await expect(run([add(10, null), add(11, null), add(10, null), count])).rejects.toMatchObject({
    code: '23505',
    statement: 2,
  })
  expect(await run([count])).toEqual([[['4']]])
})

test('a lost connection is an error', async () => {
  const client = await db.pool.connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const slow = { name: 'test.sleep', text: 'select pg_sleep(60)', values: [] }
  const outcome = runStatements(client, [add(20, null), slow]).catch((error: unknown) => error)
  await db.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid])
  expect(await outcome).toMatchObject({ code: '57P01', statement: 1 })
  expect(await run([count])).toEqual([[['4']]])
  client.release(true)
})
