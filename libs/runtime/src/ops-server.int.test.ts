import { mkdtempSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '@mailx/telemetry/logger'
import { counter } from '@mailx/telemetry/metrics'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type OpsServer, startOpsServer } from './ops-server.ts'
import { type Check, readinessOf } from './readiness.ts'

let ops: OpsServer
let started = false
let checks: Check[] = []
const sources = { started: () => started, readiness: () => readinessOf(checks) }
beforeEach(async () => {
  started = false
  checks = [{ name: 'postgres', ok: true }]
  ops = await startOpsServer('127.0.0.1:0', sources)
})
afterEach(() => ops.stop())

const get = (path: string, method = 'GET') => fetch(`http://${ops.address}${path}`, { method })

test('a process that answers is alive, whatever it lacks', async () => {
  checks = [{ name: 'postgres', ok: false }]
  expect((await get('/livez')).status).toBe(200)
})

test('it has started when it was ready once, also when it is not any more', async () => {
  expect((await get('/startupz')).status).toBe(503)
  started = true
  checks = [{ name: 'postgres', ok: false }]
  expect((await get('/startupz')).status).toBe(200)
})

test('readiness lists every check and names what is wrong', async () => {
  expect(await (await get('/readyz')).json()).toEqual({ ready: true, checks })
  checks = [...checks, { name: 'nats', ok: false, detail: 'no answer within 2000 ms' }]
  const answer = await get('/readyz?verbose')
  expect(answer.status).toBe(503)
  expect(await answer.json()).toEqual({ ready: false, checks })
})

test('metrics are the text that Prometheus reads', async () => {
  counter({ name: 'mailx_log_append_failures_total', help: 'Probe.' }).inc(3)
  const answer = await get('/metrics')
  expect(answer.headers.get('content-type')).toContain('text/plain')
  expect(await answer.text()).toContain('mailx_log_append_failures_total 3')
})

test('nothing else is there, and nothing can be written', async () => {
  expect((await get('/')).status).toBe(404)
  expect((await get('/livez', 'POST')).status).toBe(405)
  const head = await get('/livez', 'HEAD')
  expect([head.status, await head.text()]).toEqual([200, ''])
})

test('it tells the last warnings and errors, redacted', async () => {
  const logger = createLogger({ service: 'test', destination: { write: () => {} } })
  logger.error({ err: new Error('no room for alice@a.test') }, 'mail is refused')
  const answer = await get('/troubles')
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(await answer.json()).toEqual([
    {
      level: 'error',
      message: 'mail is refused',
      reason: expect.stringMatching(/^no room for address:/),
      count: 1,
      at: expect.any(String),
    },
  ])
})

test('it may listen on a unix socket', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'mailx-ops-')), 'ops.sock')
  const server = await startOpsServer(`unix:${path}`, sources)
  expect(server.address).toBe(`unix:${path}`)
  const status = await new Promise((resolve) => {
    request({ socketPath: path, path: '/livez' }, ({ statusCode }) => resolve(statusCode)).end()
  })
  expect(status).toBe(200)
  await server.stop()
})

test('an address that is taken is told by the name of the variable', async () => {
  await expect(startOpsServer(ops.address, sources)).rejects.toThrow(
    `OPS_LISTEN: cannot listen on ${ops.address}`,
  )
})
