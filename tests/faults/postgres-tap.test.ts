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
const sync = message('S', Buffer.alloc(0))

function begun() {
  const watch = watchCommits()
  watch.sees(startup())
  return watch
}

test('an append outside of transactions commits by itself, with its Sync', () => {
  const watch = begun()
  expect(watch.sees(query('select 1'))).toBeUndefined()
  expect(watch.sees(bind('log.append-together', 100_000))).toBeUndefined()
  expect(watch.sees(sync)).toBe('append')
  expect(watch.sees(sync)).toBeUndefined()
})

test('an append within a transaction is committed with that', () => {
  const watch = begun()
  watch.sees(query('begin; select head, head_hash from log.lock_head(1)'))
  expect(watch.sees(Buffer.concat([bind('log.append-together'), sync]))).toBeUndefined()
  expect(watch.sees(query('commit'))).toBe('append')
  watch.sees(query('begin; select head'))
  watch.sees(Buffer.concat([bind('log.append-together'), sync]))
  expect(watch.sees(query('rollback'))).toBeUndefined()
  expect(watch.sees(query('commit'))).toBeUndefined()
})

test('a projection commits with its checkpoint, in one go or step by step', () => {
  const watch = begun()
  const pipeline = [bind('processors.move-storage'), bind('storage.insert-entries', 50_000), sync]
  expect(watch.sees(Buffer.concat(pipeline))).toBe('projection')
  watch.sees(query('begin; set local synchronous_commit = off;'))
  expect(watch.sees(query('insert into storage.mailboxes values (1)'))).toBeUndefined()
  expect(
    watch.sees(query('update "storage".checkpoints set position = 7 where true; commit')),
  ).toBe('projection')
  expect(watch.sees(query('update "storage".checkpoints set position = 7'))).toBeUndefined()
})

test('other statements are not taken for it, whatever their parameters hold', () => {
  const watch = begun()
  const sly = Buffer.concat([text(''), text('log.mark-published'), text('log.append-together')])
  expect(watch.sees(Buffer.concat([message('B', sly), sync]))).toBeUndefined()
})

test('messages may be cut anywhere', () => {
  const bytes = Buffer.concat([
    startup(),
    query('begin'),
    bind('log.append-together', 500),
    query('commit'),
  ])
  for (let at = 1; at < bytes.length; at++) {
    const watch = watchCommits()
    const seen = [watch.sees(bytes.subarray(0, at)), watch.sees(bytes.subarray(at))]
    expect(seen).toContain('append')
  }
  const watch = watchCommits()
  const singly = [...bytes].map((byte) => watch.sees(Buffer.from([byte])))
  expect(singly.filter(Boolean)).toEqual(['append'])
})
