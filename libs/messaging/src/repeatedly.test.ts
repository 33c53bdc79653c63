import { expect, test } from 'vitest'
import { repeatedly } from './repeatedly.ts'

test('it runs again and again, and a failure does not end it', async () => {
  const failures: unknown[] = []
  let runs = 0
  const { promise: thirdRun, resolve } = Promise.withResolvers<void>()
  const repetition = repeatedly(
    1,
    async () => {
      runs += 1
      if (runs === 3) resolve()
      throw new Error(`run ${runs}`)
    },
    (error) => failures.push(error),
  )
  await thirdRun
  await repetition.stop()
  const ended = runs
  expect(failures).toHaveLength(ended)
  expect(failures[0]).toMatchObject({ message: 'run 1' })
})

test('stopping waits for the run under way and does not wait out the pause', async () => {
  const { promise: started, resolve: start } = Promise.withResolvers<void>()
  const { promise: finish, resolve: letFinish } = Promise.withResolvers<void>()
  let finished = false
  const repetition = repeatedly(
    1_000_000,
    async () => {
      start()
      await finish
      finished = true
    },
    () => {},
  )
  await started
  const stopped = repetition.stop()
  expect(finished).toBe(false)
  letFinish()
  await stopped
  expect(finished).toBe(true)
})
