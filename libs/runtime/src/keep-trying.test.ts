import { createLogger } from '@mailx/telemetry/logger'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { keepTrying } from './keep-trying.ts'

type Line = { readonly level: string; readonly msg: string }
const lines: Line[] = []
const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
const logger = createLogger({ service: 'test', destination })
beforeEach(() => {
  lines.length = 0
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const trouble = 'cannot reach Postgres: start it or correct DATABASE_URL'
const failing = (times: number, error: Error = new Error('ECONNREFUSED')) => {
  let tries = 0
  const attempt = async () => {
    tries += 1
    if (tries <= times) throw error
    return tries
  }
  return { attempt, tries: () => tries }
}

test('what works at once is not talked about', async () => {
  const { signal } = new AbortController()
  const { attempt } = failing(0)
  const result = keepTrying({ trouble, attempt, passes: () => true }, { logger, signal })
  await expect(result).resolves.toBe(1)
  expect(lines).toEqual([])
})

test('trouble is one line, one more each minute, and one when it is over', async () => {
  const { signal } = new AbortController()
  const { attempt } = failing(30)
  const result = keepTrying({ trouble, attempt, passes: () => true }, { logger, signal })
  await vi.advanceTimersByTimeAsync(30_000)
  expect(lines).toMatchObject([{ level: 'warn', msg: `${trouble}; trying again` }])
  await vi.advanceTimersByTimeAsync(300_000)
  await expect(result).resolves.toBe(31)
  expect(lines.at(-1)).toMatchObject({ level: 'info', msg: `over: ${trouble}` })
  expect(lines.length).toBeGreaterThan(2)
  expect(lines.length).toBeLessThan(7)
})

test('it waits longer each time, up to five seconds', async () => {
  const { signal } = new AbortController()
  const { attempt, tries } = failing(1_000)
  const running = keepTrying({ trouble, attempt, passes: () => true }, { logger, signal })
  await vi.advanceTimersByTimeAsync(1_000)
  expect(tries()).toBeGreaterThanOrEqual(3)
  const before = tries()
  await vi.advanceTimersByTimeAsync(100_000)
  expect(tries() - before).toBeLessThan(50)
  expect(tries() - before).toBeGreaterThanOrEqual(18)
  await vi.advanceTimersByTimeAsync(6_000_000)
  await running
})

test('what does not pass is given up at once', async () => {
  const { signal } = new AbortController()
  const { attempt, tries } = failing(9, new Error('fsync is off'))
  const result = keepTrying({ trouble, attempt, passes: () => false }, { logger, signal })
  await expect(result).rejects.toThrow('fsync is off')
  expect(tries()).toBe(1)
})

test('a stopping process does not go on waiting', async () => {
  const controller = new AbortController()
  const { attempt } = failing(1_000)
  const result = keepTrying(
    { trouble, attempt, passes: () => true },
    { logger, signal: controller.signal },
  )
  const ended = result.catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(10)
  controller.abort(new Error('stopping'))
  expect(await ended).toMatchObject({ message: 'stopping' })
})
