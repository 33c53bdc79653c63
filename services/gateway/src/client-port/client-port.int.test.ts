import { request } from 'node:https'
import { connect as tlsConnect } from 'node:tls'
import { callUnary } from '@mailx/grpc/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GatewayRig, startRig } from '../testing/gateway-rig.ts'

let rig: GatewayRig
beforeAll(async () => {
  rig = await startRig()
})
afterAll(() => rig.stop())

const PATH = '/.well-known/mailx-server'
const host = '127.0.0.1'
const portOf = (address: string | undefined) => Number(String(address).split(':').at(-1))

/** What a TLS client sees: protocol and issuer, or the code of its failure. */
const dial = (options: object) =>
  new Promise<string>((resolve) => {
    const port = portOf(rig.service.addresses['client'])
    const socket = tlsConnect({ host, port, rejectUnauthorized: false, ...options })
    socket.once('secureConnect', () => {
      resolve(`${socket.getProtocol()} ${String(socket.getPeerCertificate().issuer.CN)}`)
      socket.destroy()
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })

type Get = { readonly path?: string; readonly method?: string; readonly servername?: string }

const get = (
  hostHeader: string,
  { path = PATH, method = 'GET', servername = 'a.test' }: Get = {},
) =>
  new Promise<string>((resolve) => {
    const port = portOf(rig.service.addresses['https'])
    const headers = { host: hostHeader }
    const options = { host, port, path, method, headers, servername, agent: false as const }
    const call = request({ ...options, rejectUnauthorized: false }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += String(chunk)
      })
      response.on('end', () => resolve(`${response.statusCode} ${body}`))
    })
    call.once('error', (error: NodeJS.ErrnoException) => resolve(`failed ${error.code}`))
    call.end()
  })

test('clients are shown the certificate of the domain that they ask for', async () => {
  await rig.hostDomain('second.test')
  expect(await dial({ servername: 'a.test' })).toBe('TLSv1.3 a.test')
  await expect.poll(() => dial({ servername: 'second.test' })).toBe('TLSv1.3 second.test')
  const second = await rig.connect('second.test')
  const { document } = await callUnary(second.getDomain, { domain: 'second.test' })
  expect(new TextDecoder().decode(document)).toBe('{"domain":"second.test"}')
  second.close()
})

test('the handshake ends for any other name, for none, and below TLS 1.3', async () => {
  expect(await dial({ servername: 'other.test' })).toMatch(/^(ECONNRESET|ERR_SSL)/)
  expect(await dial({ servername: 'mailx.a.test' })).toMatch(/^(ECONNRESET|ERR_SSL)/)
  expect(await dial({})).toMatch(/^(ECONNRESET|ERR_SSL)/)
  const old = { servername: 'a.test', maxVersion: 'TLSv1.2' }
  expect(await dial(old)).toMatch(/PROTOCOL_VERSION/)
})

test('a connection that does not speak HTTP/2 is closed unread', async () => {
  const port = portOf(rig.service.addresses['client'])
  const closed = new Promise<string>((resolve) => {
    const options = { host, port, servername: 'a.test', rejectUnauthorized: false }
    const socket = tlsConnect(options, () => socket.write('GET / HTTP/1.1\r\n\r\n'))
    let received = ''
    socket.on('data', (chunk) => {
      received += String(chunk)
    })
    socket.on('error', () => undefined)
    socket.once('close', () => resolve(received))
  })
  expect(await closed).toBe('')
})

test('the document of a domain that is not hosted is not known', async () => {
  await expect(callUnary(rig.client.getDomain, { domain: 'b.test' })).rejects.toEqual(
    expect.objectContaining({ code: 'NOT_FOUND', message: 'b.test is not hosted here' }),
  )
})

test('the well-known document is served by the Host header, for the domain and hosts below it', async () => {
  const document = '200 {"domain":"a.test"}'
  expect(await get('a.test')).toBe(document)
  expect(await get('mailx.a.test:8443')).toBe(document)
  expect(await get('a.test', { servername: 'mailx.a.test' })).toBe(document)
})

test('the well-known document is asked of identity once in a while, not each time', async () => {
  await get('a.test')
  const before = rig.identity.asked.documents
  for (let n = 0; n < 10; n += 1) await get('a.test')
  expect(rig.identity.asked.documents - before).toBeLessThanOrEqual(1)
})

test('while identity is away the last document is served, and a domain without one is not said to be unknown', async () => {
  await rig.hostDomain('third.test')
  rig.identity.state.away = true
  await expect.poll(() => get('third.test')).toBe('503 try again later\n')
  await expect(callUnary(rig.client.getDomain, { domain: 'third.test' })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
  rig.identity.state.away = false
  const document = '200 {"domain":"third.test"}'
  expect(await get('third.test')).toBe(document)
  rig.identity.state.away = true
  const before = rig.identity.asked.documents
  await expect
    .poll(async () => [await get('third.test'), rig.identity.asked.documents > before], {
      timeout: 5_000,
    })
    .toEqual([document, true])
  rig.identity.state.away = false
})

test('the HTTPS port has nothing else', async () => {
  expect(await get('a.test', { path: '/' })).toMatch(/^404/)
  expect(await get('b.test')).toMatch(/^404/)
  expect(await get('a.test', { method: 'POST' })).toMatch(/^405/)
  expect(await get('b.test', { servername: 'b.test' })).toMatch(/^failed/)
})
