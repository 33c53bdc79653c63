import type { Backend } from '@mailx/backends/backend'
import { startPostgres } from '@mailx/backends/start-postgres'
import { followTls } from '@mailx/config/follow-tls'
import { eventually } from '@mailx/testing/eventually'
import { type MadeAuthority, makeAuthority } from '@mailx/testing/made-authority'
import { type SecretFolder, secretFolder } from '@mailx/testing/secret-folder'
import { testPostgres } from '@mailx/testing/test-postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectPostgres } from './connect-postgres.ts'

const say = () => {}
let authority: MadeAuthority
let stranger: MadeAuthority
let folder: SecretFolder
let server: Backend
let expired: Backend

beforeAll(async () => {
  authority = await makeAuthority('right')
  stranger = await makeAuthority('wrong')
  folder = await secretFolder()
  await folder.put({ 'ca.crt': authority.certPem, 'wrong.crt': stranger.certPem })
  const names = ['127.0.0.1', 'db.example']
  server = await startPostgres({
    say,
    tls: { ...(await authority.issue(names)), clientCaPem: authority.certPem },
  })
  const yesterday = Date.now() - 24 * 60 * 60 * 1000
  expired = await startPostgres({
    say,
    tls: await authority.issue(names, { notBefore: yesterday, notAfter: yesterday + 1000 }),
  })
}, 60_000)
afterAll(async () => {
  await Promise.all([server.stop(), expired.stop()])
  await folder.remove()
})

function connect(url: string, ca?: string) {
  const files = { ca: ca === undefined ? ca : folder.path(ca), cert: undefined, key: undefined }
  const tls = followTls('DATABASE', files, () => {})
  return connectPostgres({ url, applicationName: 'test', ...(tls !== undefined && { tls }) })
}

const at = (url: string, change: (url: URL) => void) => {
  const changed = new URL(url)
  change(changed)
  return changed.href
}

const session = 'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()'

test('with the authority of the server named, connections are by TLS', async () => {
  const pool = await connect(server.url, 'ca.crt')
  const { rows } = await pool.query(session)
  expect(rows).toEqual([{ ssl: true, version: 'TLSv1.3' }])
  await pool.end()
})

test('without TLS in the URL or an authority they are not', async () => {
  const pool = await connect(server.url)
  expect((await pool.query(session)).rows).toEqual([{ ssl: false, version: null }])
  await pool.end()
})

test.each([
  ['another authority', () => connect(server.url, 'wrong.crt'), /DATABASE_CA_FILE has to hold/],
  [
    'no authority but those of the system',
    () => connect(at(server.url, ({ searchParams }) => searchParams.set('sslmode', 'require'))),
    /DATABASE_CA_FILE has to hold/,
  ],
  [
    'a certificate for another name',
    () =>
      connect(
        at(server.url, (url) => (url.hostname = 'localhost')),
        'ca.crt',
      ),
    /for another name than the one in DATABASE_URL: .*localhost/,
  ],
  [
    'a certificate that has expired',
    () => connect(expired.url, 'ca.crt'),
    /certificate.* has expired: renew it/,
  ],
])('%s: refused, and it is said why', async (_, connecting, why) => {
  await expect(connecting()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(why) as string,
  })
})

test('nothing goes in plain text to a server without TLS', async () => {
  const plain = await testPostgres()
  await expect(connect(plain.url, 'ca.crt')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining(
      'speaks no TLS, and nothing goes to it in plain text',
    ) as string,
  })
  await plain.drop()
})

test('a file that is not there is named, and nothing is sent', async () => {
  await expect(connect(server.url, 'gone.crt')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/^DATABASE_CA_FILE cannot be read: ENOENT/) as string,
  })
})

test('a certificate of its own is shown, and a new one by the next connection', async () => {
  const first = await authority.issue([])
  const own = await secretFolder()
  const put = ({ certPem, keyPem }: typeof first) =>
    own.put({ 'tls.crt': certPem, 'tls.key': keyPem, 'ca.crt': authority.certPem })
  await put(first)
  const files = { ca: own.path('ca.crt'), cert: own.path('tls.crt'), key: own.path('tls.key') }
  const told: (string | undefined)[] = []
  const tls = followTls('DATABASE', files, (trouble) => told.push(trouble))
  if (tls === undefined) throw new Error('files are named')
  const pool = await connectPostgres({ url: server.url, applicationName: 'test', tls })
  const shown = async () => {
    const { rows } = await pool.query<{ serial: string | null }>(
      'select client_serial::text as serial from pg_stat_ssl where pid = pg_backend_pid()',
    )
    return rows[0]?.serial
  }
  const renew = async () => {
    await pool.query('select pg_terminate_backend(pg_backend_pid())').catch(() => {})
    return eventually(shown)
  }
  const before = await shown()
  expect(before).toMatch(/^\d+$/)
  await put(await authority.issue([]))
  const after = await renew()
  expect(after).toMatch(/^\d+$/)
  expect(after).not.toBe(before)
  await own.put({ 'tls.crt': first.certPem, 'tls.key': 'rubbish', 'ca.crt': authority.certPem })
  expect(await renew()).toBe(after)
  expect(told).toEqual([expect.stringMatching(/^DATABASE_KEY_FILE holds no private key in PEM/)])
  await pool.end()
  await own.remove()
})
