import { expect, test } from 'vitest'
import { circles } from './circles.ts'

const people = (domain: string, count: number) =>
  Array.from({ length: count }, (_, index) => ({ domain, name: `${index}@${domain}` }))
const two = [...people('a.test', 20), ...people('b.test', 20)]

test('in local mode nobody writes to another domain or to themselves', () => {
  const all = circles(two, 'local', 1)
  expect(all).toHaveLength(40)
  for (const { sender, others } of all) {
    expect(new Set(others).size).toBe(8)
    expect(others).not.toContain(sender)
    expect(others.every(({ domain }) => domain === sender.domain)).toBe(true)
  }
})

test('in federated mode the first domain writes to the second, and everybody there gets letters', () => {
  const all = circles(two, 'federated', 1)
  expect(all).toHaveLength(20)
  expect(all.every(({ sender }) => sender.domain === 'a.test')).toBe(true)
  expect(new Set(all.flatMap(({ others }) => others)).size).toBe(20)
  expect(all.flatMap(({ others }) => others).every(({ domain }) => domain === 'b.test')).toBe(true)
})

test('in mixed mode everybody writes to both', () => {
  const all = circles(two, 'mixed', 1)
  expect(all).toHaveLength(40)
  for (const { sender, others } of all) {
    expect(new Set(others).size).toBe(8)
    expect(others.filter(({ domain }) => domain === sender.domain)).toHaveLength(4)
    expect(others).not.toContain(sender)
  }
})

test('small domains make small circles, and many recipients large ones', () => {
  expect(circles(people('a.test', 3), 'local', 1)[0]?.others).toHaveLength(2)
  expect(circles(people('a.test', 50), 'local', 12)[0]?.others).toHaveLength(12)
})
