import { expect, test } from 'vitest'
import { cappedLabel } from './capped-label.ts'

test('the first values keep their names, whatever comes after is one', () => {
  const label = cappedLabel(2)
  const seen = ['b.test', 'c.test', 'd.test', 'b.test', 'e.test'].map(label)
  expect(seen).toEqual(['b.test', 'c.test', 'other', 'b.test', 'other'])
})
