import { once } from 'node:events'
import { createServer } from 'node:net'
import { utf8 } from '@mailx/crypto/encoding'
import { formatTxt } from '@mailx/keys/txt-record'
import { type TestDns, testDns } from '@mailx/testing/test-dns'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { defaultPorts } from './checked-addresses.ts'
import { type DiscoverOptions, discover } from './discover.ts'
import { dnsResolver } from './dns-resolver.ts'
import { type MadeDomain, type MakeDomainOptions, makeDomain } from './testing/made-domain.ts'
import { type WellKnownServer, wellKnownServer } from './testing/well-known-server.ts'

let dns: TestDns
let web: WellKnownServer
let apex: WellKnownServer
let b: MadeDomain

const make = (options: MakeDomainOptions = {}) =>
  makeDomain('b.test', {
    peerEndpoint: `mailx.b.test:${web.port}`,
    http: { host: 'mailx.b.test', port: web.port },
    ...options,
  })

beforeEach(async () => {
  const { leaf } = await makeDomain('web.test')
  ;[dns, web, apex] = await Promise.all([
    testDns(),
    wellKnownServer(await leaf()),
    wellKnownServer(await leaf()),
  ])
  b = await make()
  web.serve(b.documentBytes)
  dns.set([
    { name: '_mailx.b.test', type: 'TXT', data: b.txt },
    { name: 'b.test', type: 'A', data: '127.0.0.1' },
    { name: 'mailx.b.test', type: 'A', data: '127.0.0.1' },
  ])
})
afterEach(() => Promise.all([dns.stop(), web.stop(), apex.stop()]))

const look = (options: Partial<DiscoverOptions> = {}) =>
  discover('b.test', {
    resolver: dnsResolver([{ host: '127.0.0.1', port: dns.port, trusted: false }], {
      timeoutMs: 150,
    }),
    policy: { allowPrivate: true, ports: new Set(defaultPorts) },
    now: Date.now,
    fetchTimeoutMs: 500,
    apexPort: apex.port,
    ...options,
  })

const publish = (txt: string | string[]) => {
  dns.set([
    { name: '_mailx.b.test', type: 'TXT', data: txt },
    { name: 'b.test', type: 'A', data: '127.0.0.1' },
    { name: 'mailx.b.test', type: 'A', data: '127.0.0.1' },
  ])
}

test('a domain is found through DNS, its document verified, its endpoint resolved', async () => {
  const found = await look()
  expect(found).toMatchObject({
    domain: 'b.test',
    publicKey: b.domainKey.publicKey,
    source: 'dns',
    dnssec: 'insecure',
    ttlMs: 60_000,
    endpoint: { host: 'mailx.b.test', port: web.port },
    addresses: ['127.0.0.1'],
  })
  expect(found.documentBytes).toEqual(b.documentBytes)
  expect(apex.hosts).toEqual([`b.test:${apex.port}`])
  expect(web.hosts).toEqual([`mailx.b.test:${web.port}`])
})

test('the apex comes first, and is enough when its document verifies', async () => {
  apex.serve(b.documentBytes)
  await look()
  expect(web.hosts).toEqual([])
})

test('DNSSEC is recorded', async () => {
  dns.setSecure('_mailx.b.test', true)
  expect(await look()).toMatchObject({ dnssec: 'secure' })
})

test('an announced next key may sign the document already', async () => {
  const next = await make()
  const [host, port] = ['mailx.b.test', web.port]
  const publicKeys = [b.domainKey.publicKey, next.domainKey.publicKey]
  publish(formatTxt({ publicKeys, endpoint: { host, port } }))
  web.serve(next.documentBytes)
  const found = await look()
  expect(found.publicKey).toEqual(next.domainKey.publicKey)
  expect(found.announcedKeys).toEqual(publicKeys)
})

const temporary = (reason: RegExp) => ({
  code: 'DISCOVERY_FAILED',
  message: expect.stringMatching(reason),
})

async function tripwire() {
  let touched = 0
  const server = createServer((socket) => {
    touched += 1
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return { port, touched: () => touched, stop: () => server.close() }
}

describe('permanently refused:', () => {
  test('a domain that does not exist', async () => {
    dns.set([])
    await expect(look()).rejects.toMatchObject({
      code: 'DOMAIN_NOT_FOUND',
      message: expect.stringMatching(/no domain b\.test/),
    })
  })

  test('a domain without record, whether the name below it exists or not', async () => {
    dns.set([{ name: 'b.test', type: 'A', data: '127.0.0.1' }])
    await expect(look()).rejects.toMatchObject({ code: 'NO_MAILX_RECORD' })
    dns.add({ name: '_mailx.b.test', type: 'TXT', data: 'v=spf1 -all' })
    await expect(look()).rejects.toMatchObject({ code: 'NO_MAILX_RECORD' })
  })

  test.each([
    ['without a key', 'v=mailx1;e=https://mailx.b.test'],
    ['with a short key', 'v=mailx1;k=AAAA;e=https://mailx.b.test'],
    ['with an address for a host', `v=mailx1;k=${'A'.repeat(43)}=;e=https://127.0.0.1`],
    ['with bytes beyond ASCII', 'v=mailx1;k=\u00e9;e=https://mailx.b.test'],
  ])('a record %s', async (_, txt) => {
    publish(txt)
    await expect(look()).rejects.toMatchObject({
      code: 'BAD_MAILX_RECORD',
      message: expect.stringMatching(/^_mailx\.b\.test/),
    })
  })

  test('two records', async () => {
    dns.add({ name: '_mailx.b.test', type: 'TXT', data: b.txt })
    await expect(look()).rejects.toMatchObject({ code: 'BAD_MAILX_RECORD' })
  })

  test('a document signed by a key that DNS does not name', async () => {
    web.serve((await make()).documentBytes)
    await expect(look()).rejects.toMatchObject({
      code: 'BAD_DOMAIN_DOCUMENT',
      message: expect.stringMatching(/not signed by the key in its DNS record/),
    })
  })

  test('a document whose signature is wrong', async () => {
    const text = new TextDecoder().decode(b.documentBytes)
    web.serve(utf8(text.replace('"retentionDays":0', '"retentionDays":1')))
    await expect(look()).rejects.toMatchObject({
      code: 'BAD_DOMAIN_DOCUMENT',
      message: expect.stringMatching(/signature/),
    })
  })

  test('a document of another domain', async () => {
    const { documentBytes } = await makeDomain('c.test', { domainKey: b.domainKey })
    web.serve(documentBytes)
    await expect(look()).rejects.toMatchObject({ code: 'BAD_DOMAIN_DOCUMENT' })
  })

  test('a document that has run out', async () => {
    const old = await make({ domainKey: b.domainKey, now: Date.now() - 8 * 86_400_000 })
    web.serve(old.documentBytes)
    await expect(look()).rejects.toMatchObject({ code: 'BAD_DOMAIN_DOCUMENT' })
  })
})

describe('refused for now:', () => {
  test('a domain whose DNS fails', async () => {
    dns.fail('_mailx.b.test', 'SERVFAIL')
    await expect(look()).rejects.toMatchObject(temporary(/SERVFAIL/))
  })

  test('a domain whose hosts do not answer', async () => {
    const port = web.port
    await web.stop()
    await expect(look()).rejects.toMatchObject(temporary(new RegExp(`${port}.*cannot be fetched`)))
  })

  test('a redirect: it is not followed', async () => {
    web.serve((_, response) => {
      response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end()
    })
    await expect(look()).rejects.toMatchObject(temporary(/redirect, not followed/))
  })

  test('a document of more than 64 KiB', async () => {
    web.serve((_, response) => void response.writeHead(200).end('x'.repeat(64 * 1024 + 1)))
    await expect(look()).rejects.toMatchObject(temporary(/more than 65536 bytes/))
  })

  test('a host that dribbles', async () => {
    web.serve((_, response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(timer))
    })
    await expect(look()).rejects.toMatchObject(temporary(/no answer within 500 ms/))
  })

  test('a host without address', async () => {
    dns.set([{ name: '_mailx.b.test', type: 'TXT', data: b.txt }])
    await expect(look()).rejects.toMatchObject(temporary(/no address in DNS/))
  })
})

describe('addresses inside are never asked:', () => {
  const outside = { allowPrivate: false, ports: new Set([443, 8443]) }

  test('a private address is not dialled, even at an allowed port', async () => {
    const wire = await tripwire()
    publish(
      formatTxt({
        publicKeys: [b.domainKey.publicKey],
        endpoint: { host: 'mailx.b.test', port: wire.port },
      }),
    )
    const policy = { allowPrivate: false, ports: new Set([443, wire.port, apex.port]) }
    await expect(look({ policy })).rejects.toMatchObject({
      code: 'ADDRESS_NOT_ALLOWED',
      message: expect.stringMatching(/no address on the public Internet/),
    })
    expect(wire.touched()).toBe(0)
    wire.stop()
  })

  test.each([22, 25, 4222, 5432, 6379])('port %i is not dialled', async (port) => {
    publish(
      formatTxt({ publicKeys: [b.domainKey.publicKey], endpoint: { host: 'mailx.b.test', port } }),
    )
    await expect(look({ policy: outside, apexPort: 443 })).rejects.toMatchObject({
      code: 'ADDRESS_NOT_ALLOWED',
    })
  })

  test('a document that points its peer endpoint inside is refused', async () => {
    const inside = await make({ domainKey: b.domainKey, peerEndpoint: '169.254.169.254:8443' })
    web.serve(inside.documentBytes)
    const found = await look()
    expect(found.addresses).toEqual(['169.254.169.254'])
    dns.set([
      { name: '_mailx.b.test', type: 'TXT', data: b.txt },
      { name: 'mailx.b.test', type: 'A', data: '127.0.0.1' },
      { name: 'b.test', type: 'A', data: '127.0.0.1' },
    ])
    await expect(look({ policy: outside, apexPort: 443 })).rejects.toMatchObject({
      code: 'ADDRESS_NOT_ALLOWED',
    })
  })
})

describe('other sources', () => {
  test('the static file stands in for DNS', async () => {
    dns.fail('_mailx.b.test', 'SERVFAIL')
    const peer = { publicKey: b.domainKey.publicKey, host: 'mailx.b.test', port: web.port }
    expect(await look({ staticPeers: new Map([['b.test', peer]]) })).toMatchObject({
      source: 'static',
      dnssec: 'insecure',
    })
    const other = { ...peer, publicKey: new Uint8Array(32) }
    await expect(look({ staticPeers: new Map([['b.test', other]]) })).rejects.toThrow(
      /key in the static file/,
    )
  })

  test('a pin decides which key counts, whatever DNS says', async () => {
    const real = await make()
    web.serve(real.documentBytes)
    expect(await look({ pin: real.domainKey.publicKey })).toMatchObject({ source: 'pin' })
    web.serve(b.documentBytes)
    await expect(look({ pin: real.domainKey.publicKey })).rejects.toThrow(/key that was pinned/)
  })

  test('a pinned domain is found at its apex without any record', async () => {
    dns.set([
      { name: 'b.test', type: 'A', data: '127.0.0.1' },
      { name: 'mailx.b.test', type: 'A', data: '127.0.0.1' },
    ])
    apex.serve(b.documentBytes)
    expect(await look({ pin: b.domainKey.publicKey })).toMatchObject({ source: 'pin' })
  })
})
