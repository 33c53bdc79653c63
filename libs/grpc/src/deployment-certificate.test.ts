import { beforeAll, expect, test } from 'vitest'
import { type DeploymentAuthority, issueServiceCertificate } from './deployment-authority.ts'
import { parseDeploymentCertificate } from './deployment-certificate.ts'
import { HOUR_MS, testAuthority } from './test-deployment.ts'

const now = Date.now()
const lifetime = { notBefore: now - HOUR_MS, notAfter: now + HOUR_MS }
let authority: DeploymentAuthority
let good: { ca: string; cert: string; key: string }

beforeAll(async () => {
  authority = await testAuthority('mail.example', now)
  const own = await issueServiceCertificate(authority, { name: 'storage', ...lifetime })
  good = { ca: authority.certPem, cert: own.certPem, key: own.keyPem }
})

const parse = (change: Partial<typeof good> = {}, at = now, name = 'storage') =>
  parseDeploymentCertificate({ ...good, ...change }, { name, now: at })

test('a good one tells whose it is and until when', () => {
  const { id, notAfter } = parse()
  expect(id).toEqual({ deployment: 'mail.example', name: 'storage' })
  expect(notAfter).toBe(Math.floor(lifetime.notAfter / 1000) * 1000)
})

test('one of several authorities is enough', async () => {
  const other = await testAuthority()
  expect(parse({ ca: other.certPem + authority.certPem }).id.name).toBe('storage')
})

test('it runs out when its authority does', async () => {
  const longer = { notBefore: now, notAfter: now + 10 * HOUR_MS }
  const own = await issueServiceCertificate(authority, { name: 'storage', ...longer })
  const { notAfter } = parse({ cert: own.certPem, key: own.keyPem })
  expect(notAfter).toBeLessThanOrEqual(now + HOUR_MS)
})

test('what is wrong is told by variable', async () => {
  const other = await testAuthority('mail.example', now)
  const [mine, theirs] = [good.cert, other.certPem]
  const operator = await issueServiceCertificate(authority, { name: 'operator', ...lifetime })
  const strange = await issueServiceCertificate(authority, {
    name: 'storage/admin' as never,
    ...lifetime,
  })
  const wrongs: [Partial<typeof good>, RegExp][] = [
    [{ ca: '' }, /^GRPC_CA_FILE holds no certificate in PEM$/],
    [{ ca: good.ca.slice(0, -20) }, /^GRPC_CA_FILE cannot be read .* ends in the middle/],
    [{ cert: good.key }, /^GRPC_CERT_FILE holds no certificate in PEM$/],
    [{ key: mine }, /^GRPC_KEY_FILE holds no private key in PEM/],
    [{ key: operator.keyPem }, /^GRPC_KEY_FILE is not the key of GRPC_CERT_FILE$/],
    [{ ca: theirs }, /^GRPC_CERT_FILE was not issued by any authority in GRPC_CA_FILE$/],
    [
      { cert: operator.certPem, key: operator.keyPem },
      /^GRPC_CERT_FILE is the certificate of spiffe:\/\/mail.example\/operator, and this is storage$/,
    ],
    [{ cert: strange.certPem, key: strange.keyPem }, /^GRPC_CERT_FILE: .* must have one URI/],
    [{ cert: authority.certPem, key: authority.keyPem }, /its names are: none$/],
  ]
  for (const [change, message] of wrongs) {
    expect(() => parse(change)).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
    expect(() => parse(change)).toThrow(message)
  }
})

test('a clock outside of its time is told with both times', () => {
  const late = new Date(Math.floor(lifetime.notAfter / 1000) * 1000).toISOString()
  expect(() => parse({}, now + 2 * HOUR_MS)).toThrow(
    `GRPC_CERT_FILE has expired on ${late}: renew it`,
  )
  expect(() => parse({}, now - 2 * HOUR_MS)).toThrow(/^GRPC_CERT_FILE is not valid before .* here$/)
})
