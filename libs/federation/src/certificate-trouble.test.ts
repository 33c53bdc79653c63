import { expect, test } from 'vitest'
import { certificateTrouble } from './certificate-trouble.ts'

const ends: Readonly<Record<string, number>> = { 'a.test': 100, 'b.test': 50 }
const certificateOf = (domain: string) =>
  ends[domain] === undefined ? undefined : { notAfter: ends[domain] }

test('certificates that are all valid are no trouble', () => {
  expect(certificateTrouble(['a.test', 'b.test'], certificateOf, 49)).toBeUndefined()
})

test('those that are missing and those that ran out are named, with what to look at', () => {
  expect(certificateTrouble(['a.test', 'b.test', 'c.test'], certificateOf, 50)).toBe(
    'none yet for c.test; run out for b.test: identity does not renew them, or this clock is wrong',
  )
})

test('a long list is cut', () => {
  const domains = Array.from({ length: 7 }, (_, index) => `d${index}.test`)
  expect(certificateTrouble(domains, certificateOf, 0)).toMatch(/d4\.test and 2 more$/)
})
