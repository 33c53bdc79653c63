import { expect, test } from 'vitest'
import { postgresTarget } from './postgres-tls.ts'

const url = 'postgres://mailx@db.example/mail'

test.each(['require', 'verify-ca', 'verify-full'])('sslmode=%s means all of TLS', (mode) => {
  expect(postgresTarget(`${url}?sslmode=${mode}&x=1`, false)).toEqual({
    url: `${url}?x=1`,
    tls: true,
  })
})

test('an authority that is named means TLS, and sslmode=disable none', () => {
  expect(postgresTarget(url, true)).toEqual({ url, tls: true })
  expect(postgresTarget(url, false)).toEqual({ url, tls: undefined })
  expect(postgresTarget(`${url}?sslmode=disable`, false)).toEqual({ url, tls: false })
})

test.each(['prefer', 'allow', 'no-verify', 'true', ''])('sslmode=%s is refused', (mode) => {
  expect(() => postgresTarget(`${url}?sslmode=${mode}`, true)).toThrow(
    'DATABASE_URL has an sslmode that lets in whoever answers: write sslmode=verify-full',
  )
})

test.each(['ssl=true', 'sslrootcert=/ca.crt', 'uselibpqcompat=true', 'sslnegotiation=direct'])(
  '%s is refused: there are variables for it',
  (parameter) => {
    expect(() => postgresTarget(`${url}?${parameter}`, false)).toThrow(/takes no [a-z]+: write/)
  },
)

test('TLS that is both forbidden and asked for is a mistake', () => {
  expect(() => postgresTarget(`${url}?sslmode=disable`, true)).toThrow('take away either')
})
