import { rmSync } from 'node:fs'
import { type SecretFolder, secretFolder } from '@mailx/testing/secret-folder'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { variables } from './common.ts'
import { followKeys } from './follow-keys.ts'
import { readConfig } from './read-config.ts'

const schema = z.object({ BUS_KEY: variables.BUS_KEY, SESSION_KEY: variables.SESSION_KEY })
const bytes = (byte: number) => new Uint8Array(32).fill(byte)
const key = (byte: number) => Buffer.from(bytes(byte)).toString('base64')

let secrets: SecretFolder
let told: [string, string | undefined][]
const follow = () => {
  const env = { BUS_KEY_FILE: secrets.path('bus'), SESSION_KEY: key(9) }
  return followKeys(readConfig(schema, env), env, (name) => (trouble) => told.push([name, trouble]))
}
const later = () => vi.advanceTimersByTime(1_000)

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  told = []
  secrets = await secretFolder()
  await secrets.put({ bus: key(1) })
})

afterEach(async () => {
  vi.useRealTimers()
  await secrets.remove()
})

test('a key in a file is followed, through the time when there are two', async () => {
  const { BUS_KEY, SESSION_KEY } = follow()
  expect(BUS_KEY()).toEqual([bytes(1)])
  await secrets.put({ bus: `${key(1)}\n${key(2)}\n` })
  later()
  expect(BUS_KEY()).toEqual([bytes(1), bytes(2)])
  await secrets.put({ bus: `${key(2)} ${key(1)}` })
  later()
  expect(BUS_KEY()).toEqual([bytes(2), bytes(1)])
  await secrets.put({ bus: key(2) })
  later()
  expect(BUS_KEY()).toEqual([bytes(2)])
  expect(SESSION_KEY()).toEqual([bytes(9)])
  expect(told).toEqual([])
})

test('the file is not looked at more than once a second', async () => {
  const { BUS_KEY } = follow()
  rmSync(secrets.path('bus'))
  for (let call = 0; call < 1_000; call += 1) BUS_KEY()
  expect(told).toEqual([])
  later()
  BUS_KEY()
  expect(told).toHaveLength(1)
})

test.each([
  ['empty', ''],
  ['no key', 'hunter2'],
  ['three keys', [1, 2, 3].map(key).join('\n')],
  ['a key and something else', `${key(1)} hunter2`],
])('a file that holds %s leaves the last good keys, and is told of once', async (_, text) => {
  const { BUS_KEY } = follow()
  await secrets.put({ bus: text })
  for (let look = 0; look < 3; look += 1) {
    later()
    expect(BUS_KEY()).toEqual([bytes(1)])
  }
  expect(told).toEqual([['BUS_KEY', expect.stringContaining('BUS_KEY')]])
  expect(JSON.stringify(told)).not.toContain('hunter2')
  await secrets.put({ bus: key(2) })
  later()
  expect(BUS_KEY()).toEqual([bytes(2)])
  expect(told.at(-1)).toEqual(['BUS_KEY', undefined])
})
