import { expect, test } from 'vitest'
import { eventually } from './eventually.ts'

test('it resolves with the first value that is not false', async () => {
  let calls = 0
  const check = () => ++calls === 3 && 'three'
  expect(await eventually(check, { everyMs: 1 })).toBe('three')
})

test('it waits until an assertion holds', async () => {
  let calls = 0
  await eventually(() => expect(++calls).toBe(3), { everyMs: 1 })
  expect(calls).toBe(3)
})

const fail = () => {
  throw new Error('still red')
}

test('it gives up with the last reason', async () => {
  await expect(eventually(fail, { timeoutMs: 5, everyMs: 1 })).rejects.toThrow('still red')
})
