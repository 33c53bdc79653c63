import { expect, test } from 'vitest'
import { watchCommits } from './postgres-tap.ts'

const text = (words: string) => Buffer.from(`${words}\0`)
const message = (type: string, body: Buffer) => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from(type), length, body])
}
const startup = () => {
  const body = Buffer.concat([Buffer.from([0, 3, 0, 0]), text('user'), text('mailx'), text('')])
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([length, body])
}
const query = (sql: string) => message('Q', text(sql))
const bind = (statement: string, bytes = 0) =>
  message('B', Buffer.concat([text(''), text(statement), Buffer.alloc(bytes)]))

function begun() {
  const watch = watchCommits()
  watch.sees(startup())
  return watch
}

test('a commit and an append outside of transactions are seen', () => {
  const watch = begun()
  expect(watch.sees(query('select 1'))).toBe(false)
  expect(watch.sees(bind('log.append', 100_000))).toBe(true)
  expect(watch.sees(query('begin; select 1 for update'))).toBe(false)
  expect(watch.sees(query('commit'))).toBe(true)
})

test('an append within a transaction commits nothing by itself', () => {
  const watch = begun()
  watch.sees(query('begin; select head'))
  expect(watch.sees(bind('log.append'))).toBe(false)
  watch.sees(query('rollback'))
  expect(watch.sees(bind('log.append'))).toBe(true)
})

test('other statements are not taken for it, whatever their parameters hold', () => {
  const watch = begun()
  const sly = Buffer.concat([text(''), text('log.mark-published'), text('log.append')])
  expect(watch.sees(message('B', sly))).toBe(false)
})

test('messages may be cut anywhere', () => {
  const bytes = Buffer.concat([startup(), query('begin'), bind('x', 500), query('commit')])
  for (let at = 1; at < bytes.length; at++) {
    const watch = watchCommits()
    const seen = [watch.sees(bytes.subarray(0, at)), watch.sees(bytes.subarray(at))]
    expect(seen).toContain(true)
  }
  const watch = watchCommits()
  const singly = [...bytes].map((byte) => watch.sees(Buffer.from([byte])))
  expect(singly.filter(Boolean)).toHaveLength(1)
})
