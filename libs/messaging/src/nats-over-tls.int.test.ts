import { type NatsBackend, startNats } from '@mailx/backends/start-nats'
import { followTls } from '@mailx/config/follow-tls'
import { type MadeAuthority, makeAuthority } from '@mailx/testing/made-authority'
import { type SecretFolder, secretFolder } from '@mailx/testing/secret-folder'
import { tcpProxy } from '@mailx/testing/tcp-proxy'
import { testNats } from '@mailx/testing/test-nats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectNats } from './connect.ts'

const say = () => {}
let authority: MadeAuthority
let folder: SecretFolder
let server: NatsBackend
let expired: NatsBackend
let strict: NatsBackend

beforeAll(async () => {
  authority = await makeAuthority('right')
  folder = await secretFolder()
  const own = await authority.issue([])
  await folder.put({
    'ca.crt': authority.certPem,
    'wrong.crt': (await makeAuthority('wrong')).certPem,
    'tls.crt': own.certPem,
    'tls.key': own.keyPem,
  })
  const names = ['127.0.0.1', 'nats.example']
  const yesterday = Date.now() - 24 * 60 * 60 * 1000
  const lifetime = { notBefore: yesterday, notAfter: yesterday + 1000 }
  const good = await authority.issue(names)
  server = await startNats({ say, tls: good })
  expired = await startNats({ say, tls: await authority.issue(names, lifetime) })
  strict = await startNats({ say, tls: { ...good, clientCaPem: authority.certPem } })
}, 60_000)
afterAll(async () => {
  await Promise.all([server.stop(), expired.stop(), strict.stop()])
  await folder.remove()
})

function connect(url: string, ca?: string, own = false) {
  const files = {
    ca: ca === undefined ? ca : folder.path(ca),
    cert: own ? folder.path('tls.crt') : undefined,
    key: own ? folder.path('tls.key') : undefined,
  }
  const tls = followTls('NATS', files, () => {})
  return connectNats({ url, name: 'test', ...(tls !== undefined && { tls }) })
}

test('with the authority of the server named, it is TLS', async () => {
  const nats = await connect(server.url, 'ca.crt')
  expect(nats.info?.tls_required).toBe(true)
  expect(nats.info?.jetstream).toBe(true)
  await nats.close()
})

test('a server that wants a certificate gets it', async () => {
  await expect(connect(strict.url, 'ca.crt')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  const nats = await connect(strict.url, 'ca.crt', true)
  await nats.flush()
  await nats.close()
})

const localhost = (url: string) => url.replace('127.0.0.1', 'localhost')

test.each([
  ['another authority', () => connect(server.url, 'wrong.crt'), /NATS_CA_FILE has to hold/],
  ['no authority but the system’s', () => connect(server.url), /NATS_CA_FILE has to hold/],
  [
    'a certificate for another name',
    () => connect(localhost(server.url), 'ca.crt'),
    /for another name than the one in NATS_URL: .*localhost/,
  ],
  ['a certificate that has expired', () => connect(expired.url, 'ca.crt'), /has expired: renew it/],
])('%s: refused, and it is said why', async (_, connecting, why) => {
  await expect(connecting()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(why) as string,
  })
})

test('an address in the URL has to be in the certificate, and localhost does not stand for it', async () => {
  const local = await startNats({ say, tls: await authority.issue(['localhost']) })
  try {
    await expect(connect(local.url, 'ca.crt')).rejects.toMatchObject({
      message: expect.stringMatching(/another name.*127\.0\.0\.1/) as string,
    })
    const nats = await connect(localhost(local.url), 'ca.crt')
    await nats.close()
  } finally {
    await local.stop()
  }
})

test.each(['by the authority', 'by the scheme'])(
  'nothing goes in plain text to a server without TLS when TLS is asked for %s',
  async (how) => {
    const plain = await testNats()
    const sent: Buffer[] = []
    const tap = () => ({ toTarget: (piece: Buffer) => (sent.push(piece), piece) })
    const proxy = await tcpProxy({ target: plain.url, tap })
    const url = proxy.through(plain.url)
    const connecting =
      how === 'by the authority' ? connect(url, 'ca.crt') : connect(url.replace('nats:', 'tls:'))
    await expect(connecting).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('speaks no TLS') as string,
    })
    expect(sent).toEqual([])
    await proxy.stop()
    await plain.drop()
  },
)
