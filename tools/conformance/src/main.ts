import process from 'node:process'
import { pipeline } from 'node:stream/promises'
import { answerLine, MAX_LINE_BYTES } from './answer-line.ts'
import { readLines } from './read-lines.ts'

async function* answerAll(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const line of readLines(input, MAX_LINE_BYTES)) yield `${answerLine(line)}\n`
}

try {
  await pipeline(process.stdin, answerAll, process.stdout)
} catch (error) {
  // The reader of the answers has gone: nobody is left to tell.
  if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error
}
