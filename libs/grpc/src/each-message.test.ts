import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { eachMessage } from './each-message.ts'

async function* counting(ended: () => void): AsyncGenerator<number> {
  try {
    for (let number = 1; ; number++) yield number
  } finally {
    ended()
  }
}

async function* three(): AsyncGenerator<string> {
  yield* ['a', 'b', 'c']
}

async function* failing(): AsyncGenerator<number> {
  yield 1
  throw new Error('lost')
}

test('takes the messages in order, one after the other', async () => {
  const seen: string[] = []
  await eachMessage(three(), async (message) => {
    seen.push(`${message} begins`)
    await new Promise(setImmediate)
    seen.push(`${message} ends`)
  })
  expect(seen).toEqual(
    ['a', 'b', 'c'].flatMap((message) => [`${message} begins`, `${message} ends`]),
  )
})

test('what taking a message throws ends the reading and is thrown', async () => {
  let isOver = false
  const taken: number[] = []
  const reading = eachMessage(
    counting(() => {
      isOver = true
    }),
    async (number) => {
      taken.push(number)
      if (number === 2) throw new Error('enough')
    },
  )
  await expect(reading).rejects.toThrow('enough')
  expect(taken).toEqual([1, 2])
  expect(isOver).toBe(true)
})

test('a source that fails fails the reading', async () => {
  await expect(eachMessage(failing(), async () => {})).rejects.toThrow('lost')
})

test('what was taken is not held while the next message is waited for', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const end = Promise.withResolvers<IteratorResult<object>>()
  let held: WeakRef<object> | undefined
  const next = (): Promise<IteratorResult<object>> => {
    if (held !== undefined) return end.promise
    const value = { big: 'message' }
    held = new WeakRef(value)
    return Promise.resolve({ value, done: false })
  }
  const reading = eachMessage({ [Symbol.asyncIterator]: () => ({ next }) }, async () => {})
  for (let tries = 0; tries < 100 && held?.deref() !== undefined; tries++) {
    await new Promise(setImmediate)
    collect()
  }
  expect(held?.deref()).toBeUndefined()
  end.resolve({ value: undefined, done: true })
  await reading
})
