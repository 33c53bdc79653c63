import { MailxError } from '@mailx/errors/mailx-error'
import { beforeEach, describe, expect, test } from 'vitest'
import { createLogger, hashAddress } from './logger.ts'
import { recordSpans } from './record-spans.ts'
import { insideSpan, startSpan } from './tracer.ts'

const lines: string[] = []
const destination = { write: (line: string) => void lines.push(line) }
const logger = createLogger({ service: 'gateway', level: 'debug', destination })
const last = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? 'null')
beforeEach(() => {
  lines.length = 0
})

test('a line is JSON with time, level, service, fields and message', () => {
  logger.info({ messages: 3 }, 'accepted')
  expect(last()).toEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    level: 'info',
    service: 'gateway',
    messages: 3,
    msg: 'accepted',
  })
})

test('an address is hashed wherever it stands', () => {
  const hash = `address:${hashAddress('alice@a.test')}`
  logger.warn({ sender: 'alice@a.test', list: ['to alice@a.test.'] }, 'from alice@a.test')
  expect(lines.join('')).not.toContain('alice')
  expect(last()).toMatchObject({ sender: hash, msg: `from ${hash}` })
  logger.info('to %s', 'alice@a.test')
  expect(last()['msg']).toBe(`to ${hash}`)
  logger.info({ 'alice@a.test': { 'müller@bücher.test': 1 } }, 'as names')
  expect(lines.at(-1)).not.toMatch(/alice|müller/)
})

test.each([
  ['an error as a field', (error: Error) => logger.error({ err: error }, 'failed')],
  ['an error as a field without a message', (error: Error) => logger.error({ err: error })],
  ['a bare error', (error: Error) => logger.error(error)],
  ['a bare error with a message', (error: Error) => logger.error(error, 'failed')],
  ['the cause of an error', (error: Error) => logger.error(new Error('outer', { cause: error }))],
  ['a child', (error: Error) => logger.child({ peer: 'b.test' }).error(error)],
])('%s is logged with code, cause and stack, without the address in its message', (_, log) => {
  log(new MailxError('NOT_FOUND', 'no user alice@a.test', { cause: new Error('alice@a.test') }))
  const line = lines.at(-1) ?? ''
  expect(line).toContain('NOT_FOUND')
  expect(line).toContain('stack')
  expect(line).not.toContain('alice@')
})

test('secrets are recognised by the names of their fields', () => {
  const secret = 'hunter2'
  logger.info({
    token: secret,
    sessionToken: secret,
    secretKey: secret,
    BUS_KEY: secret,
    password: secret,
    headers: { Authorization: secret, cookie: secret },
    deep: { list: [{ passphrase: secret }] },
  })
  expect(lines.at(-1)).not.toContain(secret)
})

test('credentials in URLs, bearer tokens and bytes do not come through', () => {
  const text = 'postgres://mailx:hunter2@db.test:5432/mailx said Bearer aGVsbG8='
  logger.info({ bytes: new Uint8Array([1, 2, 3]), buffer: Buffer.from('hunter2') }, text)
  const line = lines.at(-1) ?? ''
  expect(line).not.toMatch(/hunter2|aGVsbG8/)
  expect(line).toContain('[3 bytes]')
  expect(last()['msg']).toBe('postgres://[redacted]@db.test:5432/mailx said Bearer [redacted]')
})

test('no input can forge a line or reach the terminal', () => {
  logger.info({ name: 'a\r\n{"level":"fatal"}\u001b[31m' }, 'x\n\u001b]0;title\u0007y')
  expect(lines).toHaveLength(1)
  expect(lines[0]?.trimEnd()).not.toMatch(/\p{Cc}/u)
})

test('what cannot be JSON is made so, and what is endless is cut', () => {
  const circle: Record<string, unknown> = { position: 5n }
  circle['self'] = circle
  logger.info({ circle, text: 'x'.repeat(100_000), list: Array.from({ length: 1000 }, () => 0) })
  expect(lines.at(-1)?.length).toBeLessThan(10_000)
  expect(last()['circle']).toMatchObject({ position: '5' })
})

test('lines below the level are not written', () => {
  createLogger({ service: 'gateway', level: 'warn', destination }).info('quiet')
  expect(lines).toEqual([])
})

describe('inside a span', () => {
  test('a line carries the ids of the trace and the span', async () => {
    await recordSpans()
    const span = startSpan('work')
    insideSpan(span, () => logger.info('traced'))
    const { traceId, spanId } = span.spanContext()
    expect(last()).toMatchObject({ trace_id: traceId, span_id: spanId })
  })
})
