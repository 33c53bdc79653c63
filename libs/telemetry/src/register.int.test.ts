import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

/** A process that starts telemetry, makes a span, and tells whether the SDK was loaded. */
const program = `
  import { registerHooks } from 'node:module'
  let loaded = false
  registerHooks({ resolve(name, context, next) { loaded ||= name.includes('sdk-node'); return next(name, context) } })
  const { startTelemetry } = await import('${new URL('./register.ts', import.meta.url).href}')
  const { withSpan } = await import('${new URL('./tracer.ts', import.meta.url).href}')
  const telemetry = await startTelemetry('identity')
  withSpan('work', {}, () => {})
  const startedAt = performance.now()
  await telemetry.stop(1000)
  const inTime = performance.now() - startedAt < 10_000
  console.log(JSON.stringify({ tracing: telemetry.tracing, loaded, inTime }))
  process.exit()
`

async function runProgram(env: Record<string, string>) {
  const { PATH = '' } = process.env
  const args = ['--input-type=module', '--eval', program]
  const { stdout } = await run(process.execPath, args, { env: { PATH, ...env } })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

test('without the standard variables the SDK is not even loaded', async () => {
  await expect(runProgram({})).resolves.toMatchObject({ tracing: false, loaded: false })
  const disabled = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' }
  await expect(runProgram(disabled)).resolves.toMatchObject({ tracing: false, loaded: false })
})

/** Runs the program with a collector; what that got. */
async function collect(env: Record<string, string>) {
  const requests: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      requests.push(`${request.url} ${request.headers['content-type']} ${body}`)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const { port } = server.address() as AddressInfo
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` }
  const answer = await runProgram({ ...endpoint, ...env })
  server.close()
  return { answer, sent: requests.join('') }
}

test('with an endpoint the span is exported under the name of the service, as JSON', async () => {
  const { answer, sent } = await collect({})
  expect(answer).toMatchObject({ tracing: true, loaded: true })
  expect(sent).toContain('/v1/traces application/json')
  expect(sent).toContain('"identity"')
  expect(sent).toContain('"work"')
})

test('who asks for protobuf gets it', async () => {
  const { sent } = await collect({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' })
  expect(sent).toContain('/v1/traces application/x-protobuf')
  expect(sent).toContain('work')
})

test('a collector that is gone does not hold up the end of a process', async () => {
  const gone = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_LOG_LEVEL: 'none' }
  await expect(runProgram(gone)).resolves.toMatchObject({ tracing: true, inTime: true })
})
