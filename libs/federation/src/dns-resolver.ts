import { Resolver as SystemResolver } from 'node:dns/promises'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Answer } from 'dns-packet'
import { type DnsQuestion, type DnsServer, queryDns } from './dns-query.ts'

export type Found<T> = {
  readonly records: readonly T[]
  /** The shortest time to live among the records; undefined when the resolver does not say. */
  readonly ttlMs: number | undefined
  /** Validated by DNSSEC, by a resolver whose word for it counts. */
  readonly secure: boolean
  /** The name does not exist (NXDOMAIN): there are no records of any type. */
  readonly noSuchName: boolean
}

/**
 * Answers are data, missing names included. What may be different in a minute (SERVFAIL, a timeout, a
 * bogus signature) rejects with DISCOVERY_FAILED.
 */
export type Resolver = {
  txt(name: string): Promise<Found<readonly string[]>>
  address(name: string, family: 4 | 6): Promise<Found<string>>
}

/** A recursive resolver. Its AD flag counts when it runs on this machine or is called trusted. */
export type ConfiguredServer = DnsServer & { readonly trusted: boolean }

const MAX_ALIASES = 8

type ResolverOptions = { readonly timeoutMs?: number; readonly tries?: number }

/** Asks the given resolvers, one after another and around again until one answers. */
export function dnsResolver(
  servers: readonly [ConfiguredServer, ...ConfiguredServer[]],
  { timeoutMs = 2000, tries = 2 }: ResolverOptions = {},
): Resolver {
  const ask = async <T>(
    question: DnsQuestion,
    read: (answer: Answer) => T | undefined,
  ): Promise<Found<T>> => {
    let failure: unknown
    for (let attempt = 0; attempt < tries; attempt += 1) {
      for (const server of servers) {
        try {
          return await follow(server, question, read, timeoutMs)
        } catch (error) {
          if (!(error instanceof MailxError) || error.code !== 'DISCOVERY_FAILED') throw error
          failure = error
        }
      }
    }
    throw failure
  }
  return {
    txt: (name) => ask({ name, type: 'TXT' }, stringsOf),
    address: (name, family) => {
      const type = family === 4 ? 'A' : 'AAAA'
      return ask({ name, type }, (answer) => (answer.type === type ? answer.data : undefined))
    },
  }
}

/** Follows aliases, within an answer and by asking again; too many of them are a broken record. */
async function follow<T>(
  server: ConfiguredServer,
  question: DnsQuestion,
  read: (answer: Answer) => T | undefined,
  timeoutMs: number,
): Promise<Found<T>> {
  let { name } = question
  let secure = isTrusted(server)
  const ttls: number[] = []
  const takeAlias = (answers: readonly Answer[]): boolean => {
    const alias = answers.find((answer) => answer.type === 'CNAME' && isFor(answer, name))
    if (alias === undefined) return false
    if (ttls.push(ttlOf(alias)) > MAX_ALIASES) {
      const message = `${question.name} leads through more than ${MAX_ALIASES} DNS aliases`
      throw new MailxError('BAD_MAILX_RECORD', message)
    }
    name = String((alias as { readonly data: unknown }).data)
    return true
  }
  for (;;) {
    const { answers, authenticated, rcode } = await queryDns(
      server,
      { ...question, name },
      timeoutMs,
    )
    secure &&= authenticated
    if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') {
      const message = `the DNS resolver answers ${rcode} for ${name}; try again later`
      throw new MailxError('DISCOVERY_FAILED', message)
    }
    let aliased = false
    while (takeAlias(answers)) aliased = true
    const matching = answers.filter((answer) => isFor(answer, name))
    const records = matching.map(read).filter((record) => record !== undefined)
    const noSuchName = rcode === 'NXDOMAIN'
    // An alias whose target the answer does not hold is looked up by its own name.
    if (aliased && records.length === 0 && !noSuchName) continue
    const all = [...ttls, ...matching.map(ttlOf)]
    return {
      records,
      ttlMs: all.length === 0 ? undefined : Math.min(...all) * 1000,
      secure,
      noSuchName,
    }
  }
}

const isFor = (answer: Answer, name: string): boolean =>
  answer.name.toLowerCase() === name.toLowerCase()

const ttlOf = (answer: Answer): number => ('ttl' in answer ? (answer.ttl ?? 0) : 0)

function stringsOf(answer: Answer): readonly string[] | undefined {
  if (answer.type !== 'TXT') return undefined
  const parts = Array.isArray(answer.data) ? answer.data : [answer.data]
  // Byte for byte: what is not ASCII stays visible as such and is refused by the record's parser.
  return parts.map((part) => (typeof part === 'string' ? part : part.toString('latin1')))
}

/** RFC 4035 §4.9.3: AD from across a network is worth nothing, unless the operator vouches for it. */
export const isTrusted = ({ host, trusted }: ConfiguredServer): boolean =>
  trusted || host === '::1' || host.startsWith('127.')

const absent: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA'])

/** The resolvers of the operating system's configuration. They say nothing about DNSSEC. */
export function systemResolver({ timeoutMs = 2000, tries = 2 }: ResolverOptions = {}): Resolver {
  const resolver = new SystemResolver({ timeout: timeoutMs, tries })
  return {
    txt: async (name) => {
      const query = resolver.resolveTxt(name)
      return foundBySystem(
        name,
        query.then((records) => records.map((value) => ({ value }))),
      )
    },
    address: (name, family) => {
      const query =
        family === 4
          ? resolver.resolve4(name, { ttl: true })
          : resolver.resolve6(name, { ttl: true })
      return foundBySystem(
        name,
        query.then((records) => records.map(({ address: value, ttl }) => ({ value, ttl }))),
      )
    },
  }
}

async function foundBySystem<T>(
  name: string,
  query: Promise<readonly { readonly value: T; readonly ttl?: number }[]>,
): Promise<Found<T>> {
  try {
    const found = await query
    const ttls = found.flatMap(({ ttl }) => (ttl === undefined ? [] : [ttl * 1000]))
    const ttlMs = ttls.length === 0 ? undefined : Math.min(...ttls)
    return { records: found.map(({ value }) => value), ttlMs, secure: false, noSuchName: false }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? ''
    if (absent.has(code)) {
      return { records: [], ttlMs: undefined, secure: false, noSuchName: code === 'ENOTFOUND' }
    }
    const message = `DNS does not answer for ${name} (${code}); try again later`
    throw new MailxError('DISCOVERY_FAILED', message, { cause })
  }
}
