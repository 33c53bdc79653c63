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

test('with an endpoint the span is exported under the name of the service', async () => {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      bodies.push(`${request.url} ${body}`)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const { port } = server.address() as AddressInfo
  const answer = await runProgram({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  })
  server.close()
  expect(answer).toMatchObject({ tracing: true, loaded: true })
  expect(bodies.join('')).toContain('/v1/traces')
  expect(bodies.join('')).toContain('"identity"')
  expect(bodies.join('')).toContain('"work"')
})

test('a collector that is gone does not hold up the end of a process', async () => {
  const gone = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_LOG_LEVEL: 'none' }
  await expect(runProgram(gone)).resolves.toMatchObject({ tracing: true, inTime: true })
})
