import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

async function run(input: string): Promise<{ code: unknown; output: string; complaints: string }> {
  const child = spawn(process.execPath, [main], { stdio: 'pipe' })
  const ended = once(child, 'close')
  child.stdin.end(input)
  const [output, complaints] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await ended
  return { code, output, complaints }
}

test('ten thousand questions are answered in order', { timeout: 30_000 }, async () => {
  const ids = Array.from({ length: 10_000 }, (_, id) => id)
  const questions = ids.map((id) =>
    id % 3 === 0 ? `{"id":${id},"broken` : `{"id":${id},"call":"blake2b","message":"AAAA"}`,
  )
  const { code, output, complaints } = await run(questions.join('\n'))
  expect({ code, complaints }).toEqual({ code: 0, complaints: '' })
  const answers = output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(answers).toHaveLength(10_000)
  expect(answers.map(({ ok }) => ok)).toEqual(ids.map((id) => id % 3 !== 0))
  const answered = answers.filter(({ ok }) => ok).map(({ id }) => id)
  expect(answered).toEqual(ids.filter((id) => id % 3 !== 0))
})

test('no question gets no answer', { timeout: 30_000 }, async () => {
  expect(await run('')).toEqual({ code: 0, output: '', complaints: '' })
})

test('who stops listening ends it without a complaint', { timeout: 30_000 }, async () => {
  const child = spawn(process.execPath, [main], { stdio: 'pipe' })
  const complaints = text(child.stderr)
  child.stdin.on('error', () => undefined)
  child.stdout.destroy()
  child.stdin.end('{"id":1,"call":"blake2b","message":""}\n'.repeat(50_000))
  const [code] = await once(child, 'close')
  expect({ code, complaints: await complaints }).toEqual({ code: 0, complaints: '' })
})
