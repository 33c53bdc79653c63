import { readFileSync } from 'node:fs'
import { utf8 } from '@mailx/crypto/encoding'
import { expect, test } from 'vitest'
import { answerLine } from './answer-line.ts'
import { calls } from './calls.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const examples = [...readme.matchAll(/^```jsonl\n([^]*?)^```$/gm)].flatMap(([, block = '']) => {
  const lines = block.trimEnd().split('\n')
  return lines.flatMap((request, index) =>
    index % 2 === 0 ? [{ request, answer: lines[index + 1] ?? '' }] : [],
  )
})

const answerTo = (request: string) => answerLine({ status: 'whole', bytes: utf8(request) })

test.each(examples)('the README tells the truth about $request', ({ request, answer }) => {
  expect(answerTo(request)).toBe(answer)
})

test('the README shows every call, succeeding and refusing', () => {
  const shown = new Set(
    examples.map(({ request, answer }) => {
      const name = /"call":"([^"]*)"/.exec(request)?.[1] ?? ''
      return `${name} ${answer.includes('"ok":true')}`
    }),
  )
  for (const name of calls.keys()) {
    expect(shown).toContain(`${name} true`)
    expect(shown).toContain(`${name} false`)
  }
})
