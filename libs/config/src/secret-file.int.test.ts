import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { variables } from './common.ts'
import { readConfig } from './read-config.ts'

const schema = z.object({ BUS_KEY: variables.BUS_KEY, LOG_PARTITIONS: variables.LOG_PARTITIONS })
const key = Buffer.alloc(32, 7).toString('base64')
const file = join(mkdtempSync(join(tmpdir(), 'mailx-config-')), 'bus-key')

test('a secret may lie in a file, which may end with a line break', () => {
  writeFileSync(file, `${key}\n`)
  expect(readConfig(schema, { BUS_KEY_FILE: file }).BUS_KEY()).toEqual([new Uint8Array(32).fill(7)])
})

test('a secret that is set twice is a mistake', () => {
  writeFileSync(file, key)
  expect(() => readConfig(schema, { BUS_KEY: key, BUS_KEY_FILE: file })).toThrow(
    'BUS_KEY: is set twice (keep either BUS_KEY or BUS_KEY_FILE)',
  )
})

test('an unreadable or empty file is told by its path, never its content', () => {
  expect(() => readConfig(schema, { BUS_KEY_FILE: `${file}.gone` })).toThrow(
    `BUS_KEY: BUS_KEY_FILE cannot be read: ENOENT (make ${file}.gone readable)`,
  )
  writeFileSync(file, ' \n')
  expect(() => readConfig(schema, { BUS_KEY_FILE: file })).toThrow('names an empty file')
  writeFileSync(file, 'hunter2')
  expect(() => readConfig(schema, { BUS_KEY_FILE: file })).toThrow('is not 32 bytes in base64')
  expect(() => readConfig(schema, { BUS_KEY_FILE: file })).not.toThrow('hunter2')
})

test('what is no secret is not read from files', () => {
  writeFileSync(file, '9')
  const config = readConfig(schema, { BUS_KEY: key, LOG_PARTITIONS_FILE: file })
  expect(config.LOG_PARTITIONS).toBe(1)
})
