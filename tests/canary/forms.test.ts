import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { formsOf, search } from './forms.ts'

const value = randomBytes(20)
const needle = { name: 'it', value }
const among = (before: number, bytes: Uint8Array) => [
  { where: 'here', bytes: Buffer.concat([randomBytes(before), bytes, randomBytes(3)]) },
]

test.each(formsOf(value))('$name is found wherever it stands', ({ name, bytes }) => {
  for (let before = 0; before < 16; before++) {
    const found = search([needle], among(before, bytes))
    expect(found).toContainEqual({ needle: 'it', form: name, where: 'here' })
  }
})

test.each(['base64', 'base64url'] as const)('it is found within what was made %s', (encoding) => {
  for (let before = 0; before < 6; before++) {
    const whole = Buffer.concat([randomBytes(before), value, randomBytes(before % 4)])
    expect(search([needle], among(0, Buffer.from(whole.toString(encoding))))).not.toEqual([])
  }
})

test('all but one of its bytes are not it', () => {
  for (const { bytes } of formsOf(value)) {
    const changed = Buffer.from(bytes)
    changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1
    expect(search([needle], among(0, changed))).toEqual([])
  }
})
