import { expect, test } from 'vitest'
import { inOrder } from './in-order.ts'

test('whoever is ready first waits for those who came before', async () => {
  const take = inOrder()
  const order: string[] = []
  const ready = new Map(
    ['first', 'second', 'third'].map((name) => [name, Promise.withResolvers<void>()]),
  )
  const running = [...ready].map(async ([name, { promise }]) => {
    const turn = take()
    await promise
    const earlier = turn.wait()
    if (earlier !== undefined) await earlier
    order.push(name)
    turn.pass()
  })
  ready.get('third')?.resolve()
  ready.get('second')?.resolve()
  await new Promise(setImmediate)
  expect(order).toEqual([])
  ready.get('first')?.resolve()
  await Promise.all(running)
  expect(order).toEqual(['first', 'second', 'third'])
})

test('one that gives up before its turn holds up nobody', async () => {
  const take = inOrder()
  const [first, second, third] = [take(), take(), take()]
  second.pass()
  const waiting = third.wait()
  expect(first.wait()).toBeUndefined()
  first.pass()
  await waiting
  expect(third.wait()).toBeUndefined()
  third.pass()
  expect(take().wait()).toBeUndefined()
})
