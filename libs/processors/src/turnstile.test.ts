import { expect, test } from 'vitest'
import { turnstile } from './turnstile.ts'

test('no more than the limit are inside, and they come in the order they arrived', async () => {
  const { pass } = turnstile(2)
  const entered: number[] = []
  const leave: (() => void)[] = []
  const all = [1, 2, 3, 4].map((n) =>
    pass(() => {
      entered.push(n)
      return new Promise<void>((resolve) => leave.push(resolve))
    }),
  )
  await Promise.resolve()
  expect(entered).toEqual([1, 2])
  leave[1]?.()
  await all[1]
  await Promise.resolve()
  expect(entered).toEqual([1, 2, 3])
  leave[0]?.()
  leave[2]?.()
  await all[2]
  await Promise.resolve()
  leave[3]?.()
  await Promise.all(all)
  expect(entered).toEqual([1, 2, 3, 4])
})

test('who fails inside makes room, too', async () => {
  const { pass } = turnstile(1)
  await expect(pass(() => Promise.reject(new Error('fell')))).rejects.toThrow('fell')
  await expect(pass(async () => 'through')).resolves.toBe('through')
})
