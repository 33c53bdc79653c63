import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { gather } from './gather.ts'

function setUp(maxWeight = 100) {
  const groups: (readonly number[])[] = []
  let release: () => void
  const give = gather({
    async run(items: readonly number[]) {
      groups.push(items)
      if (items.includes(13)) throw new Error('13 is refused')
      await new Promise<void>((resolve) => {
        release = resolve
      })
    },
    weightOf: (item) => item,
    maxWeight,
  })
  const finish = async () => {
    release()
    await turn()
    await turn()
  }
  return { groups, give, finish }
}

test('what comes in one turn of the event loop is done together', async () => {
  const { groups, give, finish } = setUp()
  const done = Promise.all([give(1), give(2)])
  await turn()
  expect(groups).toEqual([[1, 2]])
  await finish()
  await done
})

test('what comes while work is being done waits for it, and is done together', async () => {
  const { groups, give, finish } = setUp()
  const done = [give(1)]
  await turn()
  done.push(give(2), give(3))
  await turn()
  expect(groups).toEqual([[1]])
  await finish()
  expect(groups).toEqual([[1], [2, 3]])
  await finish()
  await Promise.all(done)
})

test('what is too heavy is left for the next time, and one item is never too heavy', async () => {
  const { groups, give, finish } = setUp(10)
  const done = [give(6), give(4), give(1), give(50)]
  await turn()
  await finish()
  await finish()
  expect(groups).toEqual([[6, 4], [1], [50]])
  await finish()
  await Promise.all(done)
})

test('what fails together is done one by one: only what is to blame fails', async () => {
  const { groups, give, finish } = setUp()
  const results = Promise.allSettled([give(12), give(13)])
  await turn()
  await finish()
  expect(groups).toEqual([[12, 13], [12], [13]])
  expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
})
