import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chartDir } from '@mailx/chart-tool/chart-files'
import { afterEach, beforeEach, expect, test } from 'vitest'

type Sent = {
  metadata: { name: string; resourceVersion?: string }
  stringData: Record<string, string>
}

type Secret = { metadata: Record<string, unknown>; data?: Record<string, string> }

const script = join(chartDir, 'files/make-secrets.mjs')
const tokenFile = join(mkdtempSync(join(tmpdir(), 'mailx-token-')), 'token')
writeFileSync(tokenFile, 'token-of-the-job\n')

/** The part of the API that the Job talks to: Secrets of a namespace, one version each. */
let secrets: Map<string, Secret>
let asked: string[]
let refuses: string | undefined
const server = createServer((request, response) => {
  const name = String(request.url).split('/').at(-1) ?? ''
  let body = ''
  request.on('data', (piece) => {
    body += String(piece)
  })
  request.on('end', () => {
    asked.push(`${request.method} ${request.url}`)
    const [status, answer] = answerTo(request.method ?? '', name, body, request.headers)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
})

const inBase64 = (data: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  )

function answerTo(
  method: string,
  name: string,
  body: string,
  headers: Record<string, unknown>,
): [number, object] {
  if (headers['authorization'] !== 'Bearer token-of-the-job')
    return [401, { message: 'who are you?' }]
  if (refuses === method) return [409, { message: 'the object has been modified' }]
  const sent = body === '' ? undefined : (JSON.parse(body) as Sent)
  const there = secrets.get(name)
  if (method === 'POST' && sent !== undefined) {
    secrets.set(sent.metadata.name, {
      metadata: { ...sent.metadata, resourceVersion: '1' },
      data: inBase64(sent.stringData),
    })
    return [201, {}]
  }
  if (there === undefined) return [404, { message: 'not found' }]
  if (method === 'PATCH' && sent !== undefined) {
    if (headers['content-type'] !== 'application/merge-patch+json') return [415, {}]
    if (sent.metadata.resourceVersion !== there.metadata['resourceVersion'])
      return [409, { message: 'changed' }]
    there.data = { ...there.data, ...inBase64(sent.stringData) }
  }
  return [200, there]
}

beforeEach(async () => {
  secrets = new Map()
  asked = []
  refuses = undefined
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

const makeSecrets = (...keys: readonly string[]) => makeWith({}, ...keys)

async function makeWith(texts: Readonly<Record<string, string>>, ...keys: readonly string[]) {
  const child = spawn(process.execPath, [script], {
    env: {
      KUBERNETES_API: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      SERVICE_ACCOUNT_TOKEN_FILE: tokenFile,
      SECRET_NAME: 'mailx-generated',
      SECRET_NAMESPACE: 'mail',
      SECRET_KEYS: keys.join(','),
      SECRET_TEXTS: JSON.stringify(texts),
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece) => {
      output += String(piece)
    })
  }
  const [code] = (await once(child, 'close')) as [number]
  return { code, output }
}

const valueOf = (key: string) =>
  Buffer.from(secrets.get('mailx-generated')?.data?.[key] ?? '', 'base64').toString()

test('makes what is not there: 32 bytes in base64 each, which outlive the release', async () => {
  const { code, output } = await makeSecrets('BUS_KEY', 'SESSION_KEY')
  expect(code).toBe(0)
  expect(secrets.get('mailx-generated')?.metadata).toMatchObject({
    annotations: { 'helm.sh/resource-policy': 'keep' },
  })
  for (const key of ['BUS_KEY', 'SESSION_KEY']) {
    expect(Buffer.from(valueOf(key), 'base64')).toHaveLength(32)
    expect(output).not.toContain(valueOf(key))
  }
  expect(valueOf('BUS_KEY')).not.toBe(valueOf('SESSION_KEY'))
})

test('what is there stays, and what is missing comes on top', async () => {
  await makeSecrets('BUS_KEY')
  const before = valueOf('BUS_KEY')
  expect((await makeSecrets('BUS_KEY', 'SESSION_KEY')).output).toContain('added SESSION_KEY')
  expect(valueOf('BUS_KEY')).toBe(before)
  const { output } = await makeSecrets('BUS_KEY', 'SESSION_KEY')
  expect(output).toContain('everything is there')
  expect(asked.filter((one) => one.startsWith('PATCH'))).toHaveLength(1)
})

test('texts are made of passwords, of those that were there before, too', async () => {
  const url = { REDIS_URL: 'redis://:{REDIS_PASSWORD}@valkey:6379/0' }
  await makeWith(url, 'BUS_KEY', 'REDIS_PASSWORD')
  const password = valueOf('REDIS_PASSWORD')
  expect(password).toMatch(/^[0-9a-f]{64}$/)
  expect(valueOf('REDIS_URL')).toBe(`redis://:${password}@valkey:6379/0`)
  const { output } = await makeWith(
    { ...url, 'users.acl': 'user default on >{REDIS_PASSWORD}\n' },
    'REDIS_PASSWORD',
  )
  expect(output).toContain('added users.acl')
  expect(output).not.toContain(password)
  expect(valueOf('users.acl')).toBe(`user default on >${password}\n`)
})

test('a Secret that somebody changes in between is not written over: the Job fails and is tried again', async () => {
  await makeSecrets('BUS_KEY')
  refuses = 'PATCH'
  const { code, output } = await makeSecrets('BUS_KEY', 'SESSION_KEY')
  expect(code).not.toBe(0)
  expect(output).toContain('409 the object has been modified')
  expect(valueOf('SESSION_KEY')).toBe('')
})
