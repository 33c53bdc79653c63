import { X509Certificate } from 'node:crypto'
import type { ClientUnaryCall } from '@grpc/grpc-js'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { authorityOf } from './peer-authority.ts'
import {
  checkLeaf,
  issueLeaf,
  keepCertificate,
  LEAF_RENEWAL_MS,
  type PeerCertificate,
} from './peer-certificate.ts'
import { type MadeDomain, makeDomain } from './testing/made-domain.ts'
import { type LeafFault, makeLeaf } from './testing/made-leaf.ts'

const now = Date.UTC(2026, 10, 22)
const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS

let a: MadeDomain
let evil: MadeDomain
beforeAll(async () => {
  a = await makeDomain('a.test', { now })
  evil = await makeDomain('evil.test', { now })
})

const verdict = (certPem: string, purpose: 'client' | 'server' = 'client', at = now) => {
  const authority = authorityOf(a.document, now)
  return () =>
    checkLeaf(new X509Certificate(certPem), { domain: 'a.test', authority, purpose, now: at })
}

const dns = (...values: string[]) => ({
  names: values.map((value) => ({ type: 'dns' as const, value })),
})

describe('checkLeaf', () => {
  test('takes a leaf as identity issues it, for both ends of a connection', async () => {
    const { certPem } = await a.leaf()
    expect(verdict(certPem, 'client')).not.toThrow()
    expect(verdict(certPem, 'server')).not.toThrow()
  })

  const serverOnly = ['1.3.6.1.5.5.7.3.1']
  const faults: readonly [string, LeafFault, RegExp][] = [
    [
      'no alternative name, only a common name',
      { names: [], commonName: 'a.test' },
      /no subject alternative name/,
    ],
    ['a wildcard', dns('*.a.test'), /wildcard/],
    ['an IP address', { names: [{ type: 'ip', value: '127.0.0.1' }] }, /plain DNS name/],
    ['two names', dns('a.test', 'b.test'), /exactly one domain/],
    ['the same name twice', dns('a.test', 'a.test'), /exactly one domain/],
    ['a name in upper case', dns('A.TEST'), /canonical form/],
    ['a trailing dot', dns('a.test.'), /canonical form|valid domain/],
    ['a NUL inside', dns('a.test\0.evil.test'), /plain DNS name|valid domain/],
    ['a comma inside', dns('a.test, DNS:b.test'), /exactly one domain|plain DNS name/],
    ['an empty name', dns(''), /plain DNS name|valid domain/],
    ['another domain', dns('b.test'), /not for a\.test/],
    ['a subdomain', dns('mail.a.test'), /not for a\.test/],
    ['the rights of a CA', { ca: true }, /CA certificate/],
    ['an RSA key', { rsa: true }, /must be Ed25519/],
    ['a start in the future', { from: now + HOUR_MS }, /not yet valid/],
    ['an end in the past', { from: now - 8 * DAY_MS }, /expired/],
    ['ninety days', { days: 90 }, /over 8 days/],
    ['nine days', { days: 9 }, /over 8 days/],
    ['server use only', { usages: serverOnly }, /not for client use/],
    ['code signing', { usages: ['1.3.6.1.5.5.7.3.3'] }, /not for client use/],
    ['its own signature', { selfSigned: true }, /not signed by the CA/],
  ]
  test.each(faults)('refuses %s', async (_, fault, reason) => {
    const { certPem } = await makeLeaf({ ...a, now, signer: a.keys.tls }, fault)
    const refusal = expect.objectContaining({
      code: 'PEER_NOT_AUTHENTIC',
      message: expect.stringMatching(reason),
    })
    expect(verdict(certPem)).toThrow(refusal)
  })

  test('refuses a leaf signed by another domain’s CA, whatever issuer it claims', async () => {
    const { certPem } = await makeLeaf({ ...a, now, signer: evil.keys.tls })
    expect(verdict(certPem)).toThrow(/not signed by the CA/)
  })

  test('allows a clock five minutes behind, and not a second after the end', async () => {
    const early = await makeLeaf({ ...a, now, signer: a.keys.tls }, { from: now + 4 * 60_000 })
    expect(verdict(early.certPem)).not.toThrow()
    const { certPem, notAfter } = await a.leaf()
    expect(verdict(certPem, 'client', notAfter - 1000)).not.toThrow()
    expect(verdict(certPem, 'client', notAfter)).toThrow(/expired/)
  })
})

describe('authorityOf', () => {
  test('refuses a CA certificate whose key is not certified for use tls', async () => {
    const swapped = await makeDomain('a.test', {
      now,
      change: (document) => ({ ...document, caCertificate: evil.caPem }),
    })
    expect(() => authorityOf(swapped.document, now)).toThrow(/not certified for use tls/)
  })

  test('refuses a certificate whose key is certified for another use', async () => {
    const shared = await makeDomain('a.test', { now })
    const mixed = await makeDomain('a.test', {
      now,
      keys: { deliver: shared.keys.tls },
      change: (document) => ({ ...document, caCertificate: shared.caPem }),
    })
    expect(() => authorityOf(mixed.document, now)).toThrow(/not certified for use tls/)
  })

  test('refuses the key after its term', () => {
    expect(() => authorityOf(a.document, now + 100 * DAY_MS)).toThrow(/not certified/)
  })
})

const identityOf = (clock: () => number) => {
  const failing = { now: false }
  const issueCertificate = (...args: unknown[]): ClientUnaryCall => {
    const [{ publicKeySpki }] = args as [{ publicKeySpki: Uint8Array }]
    const done = args.at(-1) as (error: unknown, response?: unknown) => void
    const answer = async () => {
      if (failing.now) throw Object.assign(new Error('down'), { code: 14, details: 'down' })
      const leaf = await issueLeaf({
        domain: 'a.test',
        keyPair: a.keys.tls,
        publicKeySpki,
        now: clock(),
      })
      return {
        certificate: leaf.certificate,
        caCertificate: a.caPem,
        notBeforeUnixMs: BigInt(leaf.notBefore),
        notAfterUnixMs: BigInt(leaf.notAfter),
      }
    }
    answer().then((response) => done(null, response), done)
    return { cancel: () => undefined } as unknown as ClientUnaryCall
  }
  return { failing, issueCertificate: issueCertificate as never }
}

describe('keepCertificate', () => {
  test('renews at four and a half of seven days, with a new key, and tells who listens', async () => {
    let at = now
    const identity = identityOf(() => at)
    const kept = await keepCertificate({ identity, domain: 'a.test', now: () => at })
    const first = kept.current()
    const told = vi.fn<(certificate: PeerCertificate) => void>()
    const stopListening = kept.onRenewed(told)

    at = first.notBefore + LEAF_RENEWAL_MS - 1
    expect(await kept.renewIfDue()).toBe(false)
    at += 1
    expect(await Promise.all([kept.renewIfDue(), kept.renewIfDue()])).toEqual([true, true])
    const second = kept.current()
    expect(second.keyPem).not.toBe(first.keyPem)
    expect(told).toHaveBeenCalledExactlyOnceWith(second)
    expect(verdict(second.certPem, 'client', at)).not.toThrow()

    stopListening()
    at += LEAF_RENEWAL_MS + HOUR_MS
    expect(await kept.renewIfDue()).toBe(true)
    expect(told).toHaveBeenCalledOnce()
    kept.stop()
  })

  test('goes on with the certificate it has while identity is down', async () => {
    let at = now
    const identity = identityOf(() => at)
    const kept = await keepCertificate({ identity, domain: 'a.test', now: () => at })
    const first = kept.current()
    at += LEAF_RENEWAL_MS
    identity.failing.now = true
    await expect(kept.renewIfDue()).rejects.toThrow('down')
    expect(kept.current()).toBe(first)
    identity.failing.now = false
    expect(await kept.renewIfDue()).toBe(true)
    kept.stop()
  })
})
