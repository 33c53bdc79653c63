import { expect, test } from 'vitest'
import { mergeReadiness, processorsCheck, readinessOf } from './readiness.ts'

test('ready means that everything needed is there', () => {
  expect(readinessOf([]).ready).toBe(true)
  expect(readinessOf([{ name: 'a', ok: true }]).ready).toBe(true)
  expect(
    readinessOf([
      { name: 'a', ok: true },
      { name: 'b', ok: false },
    ]).ready,
  ).toBe(false)
})

test('what is optional is shown and does not count', () => {
  const redis = { name: 'redis', ok: false, detail: 'it is reconnecting', optional: true }
  expect(readinessOf([redis])).toEqual({ ready: true, checks: [redis] })
})

test('merged checks keep the names of their services', () => {
  const merged = mergeReadiness([
    { readiness: readinessOf([{ name: 'postgres', ok: true }]) },
    { prefix: 'storage', readiness: readinessOf([{ name: 'processors', ok: false }]) },
  ])
  expect(merged.ready).toBe(false)
  expect(merged.checks.map(({ name }) => name)).toEqual(['postgres', 'storage: processors'])
})

test('a processor that does not get on makes the service not ready, with the reason', () => {
  const reason = 'storage.changes in mailbox-0 does not get on'
  expect(processorsCheck({ ready: false, reason })).toEqual({
    name: 'processors',
    ok: false,
    detail: reason,
  })
  expect(processorsCheck({ ready: true })).toEqual({ name: 'processors', ok: true })
})
