import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { metricsWatch, parseMetered, usageIn } from './metrics-watch.ts'

const page = `# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total{service="gateway"} 12.5
process_cpu_user_seconds_total{service="gateway"} 10
process_resident_memory_bytes{service="gateway"} 1.5e+08
`

const server = createServer((request, response) => {
  if (request.url !== '/metrics') response.statusCode = 404
  response.end(page)
})
let port = 0
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => void server.close())

const usage = { cpuMicros: 12_500_000, rssBytes: 150_000_000 }

test('a process that is told of is asked, one that does not answer is left out', async () => {
  const there = parseMetered(`gateway=http://127.0.0.1:${port}`)
  const wrong = parseMetered(`wrong=http://127.0.0.1:${port}/else`)
  const gone = parseMetered('gone=http://127.0.0.1:1')
  expect(await metricsWatch([there, wrong, gone])()).toEqual({ gateway: usage })
})

test('metrics are read with and without labels, and a page without them is none', () => {
  expect(usageIn(page)).toEqual(usage)
  expect(usageIn(page.replaceAll('{service="gateway"}', ''))).toEqual(usage)
  expect(usageIn('something_else 1\n')).toBeUndefined()
})

test.each(['gateway', 'http://10.0.0.7', '=http://10.0.0.7', 'gateway=10.0.0.7:9090'])(
  '%s is complained about',
  (text) => {
    expect(() => parseMetered(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  },
)
