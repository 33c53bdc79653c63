import { utf8 } from '@mailx/crypto/encoding'
import { expect, test } from 'vitest'
import { readLines } from './read-lines.ts'

async function linesOf(chunks: readonly string[], maxBytes = 10): Promise<string[]> {
  const lines: string[] = []
  const bytes = (async function* () {
    for (const chunk of chunks) yield utf8(chunk)
  })()
  for await (const line of readLines(bytes, maxBytes)) {
    const kept = line.status === 'whole' ? line.bytes : line.start
    lines.push(`${line.status === 'whole' ? '' : 'too long: '}${new TextDecoder().decode(kept)}`)
  }
  return lines
}

test.each<[string, string[], string[]]>([
  ['one chunk', ['a\nb\n'], ['a', 'b']],
  ['a last line without a line feed', ['a\nb'], ['a', 'b']],
  ['empty lines', ['\n\na\n'], ['', '', 'a']],
  ['nothing', [], []],
  ['empty chunks', ['', 'a', '', '\n', ''], ['a']],
  ['a line in many chunks', ['a', 'b', 'c\nd', 'e\n'], ['abc', 'de']],
  ['a character cut in two', ['é\n'], ['é']],
  ['a line as long as allowed', ['0123456789\n'], ['0123456789']],
])('%s', async (_what, chunks, lines) => {
  expect(await linesOf(chunks)).toEqual(lines)
})

test('a line over the limit is told and skipped, and the next one is read', async () => {
  for (const chunks of [
    ['01234567890\nb\n'],
    ['0123', '4567890\nb', '\n'],
    ['0123456789', '0', '\nb'],
  ]) {
    const [long = '', ...rest] = await linesOf(chunks)
    expect(long).toMatch(/^too long: 0123/)
    expect(rest).toEqual(['b'])
  }
})

test('a line over the limit is not kept', async () => {
  const chunk = new Uint8Array(65_536).fill(0x61)
  async function* endless() {
    for (let count = 0; count < 2000; count += 1) yield chunk
    yield utf8('\nb\n')
  }
  const lines: string[] = []
  for await (const line of readLines(endless(), 100_000)) {
    lines.push(line.status)
    expect(line.status === 'whole' ? line.bytes.length : line.start.length).toBeLessThan(300)
  }
  expect(lines).toEqual(['too long', 'whole'])
})
