import { expect, test } from 'vitest'
import { lastGood } from './last-good.ts'

const source = (first?: string) => {
  const told: (string | undefined)[] = []
  let answer: string | Error = 'one'
  const read = () => {
    if (answer instanceof Error) throw answer
    return answer
  }
  const current = lastGood({
    read,
    onTrouble: (trouble) => told.push(trouble),
    ...(first !== undefined && { first }),
  })
  return { current, told, say: (next: string | Error) => (answer = next) }
}

test('each call has what is there then', () => {
  const { current, say, told } = source()
  expect(current()).toBe('one')
  say('two')
  expect(current()).toBe('two')
  expect(told).toEqual([])
})

test('what cannot be read leaves what was there, is told of once, and so is its end', () => {
  const { current, say, told } = source()
  current()
  say(new Error('gone'))
  expect([current(), current()]).toEqual(['one', 'one'])
  expect(told).toEqual(['gone'])
  say(new Error('empty'))
  expect(current()).toBe('one')
  say('two')
  expect(current()).toBe('two')
  expect(told).toEqual(['gone', 'empty', undefined])
})

test('where there never was anything good, the reason is thrown', () => {
  const { current, say, told } = source()
  say(new Error('gone'))
  expect(current).toThrow('gone')
  expect(told).toEqual([])
})

test('what it was given first counts until something was read', () => {
  const { current, say, told } = source('zero')
  say(new Error('gone'))
  expect(current()).toBe('zero')
  expect(told).toEqual(['gone'])
})
