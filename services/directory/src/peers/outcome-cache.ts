import { readThrough } from '@mailx/cache/read-through'
import { type CurrentKeys, isMacUnderOne, type Keys } from '@mailx/crypto/current-keys'
import { concat, fromUtf8, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { isErrorCode, MailxError } from '@mailx/errors/mailx-error'
import { Peer } from '@mailx/proto/directory/v1/directory_service'
import type { Redis } from 'ioredis'

/** What looking for a domain led to. Good until `until`. */
export type Outcome =
  | { readonly status: 'found'; readonly peer: Peer; readonly until: number }
  | {
      readonly status: 'failed'
      readonly domain: string
      readonly error: MailxError
      readonly until: number
    }

export const domainOf = (outcome: Outcome): string =>
  outcome.status === 'found' ? outcome.peer.domain : outcome.domain

type OutcomeCacheOptions = {
  readonly redis: Redis
  /** Redis is not where security rests: its copies carry a MAC under one of these keys. */
  readonly keys: CurrentKeys
  readonly load: (domain: string) => Promise<Outcome>
  readonly now: () => number
}

export const outcomeCache = ({ keys, load, now, redis }: OutcomeCacheOptions) =>
  readThrough<Outcome>(redis, {
    prefix: 'peer-1',
    ttlMs: ({ until }) => until - now(),
    load,
    encode: (outcome) => seal(keys(), encodeOutcome(outcome)),
    decode: (sealed) => {
      const outcome = decodeOutcome(open(keys(), sealed))
      if (outcome.until <= now()) throw new Error('an outcome that is out of date')
      return outcome
    },
  })

const FOUND = 1
const FAILED = 2

function encodeOutcome(outcome: Outcome): Uint8Array {
  if (outcome.status === 'found') {
    return concat(Uint8Array.of(FOUND), Peer.encode(outcome.peer).finish())
  }
  const { domain, error, until } = outcome
  const { code, message } = error
  return concat(Uint8Array.of(FAILED), utf8(JSON.stringify({ domain, code, message, until })))
}

function decodeOutcome(bytes: Uint8Array): Outcome {
  const rest = bytes.subarray(1)
  if (bytes[0] === FOUND) {
    const peer = Peer.decode(rest)
    return { status: 'found', peer, until: Number(peer.expiresAtUnixMs) }
  }
  type Failed = { domain: string; code: string; message: string; until: number }
  const { code, domain, message, until } = JSON.parse(fromUtf8(rest)) as Failed
  if (!isErrorCode(code)) throw new Error('an outcome of another version')
  return { status: 'failed', domain, error: new MailxError(code, message), until }
}

const MAC_BYTES = 32

const macOf = (key: Uint8Array, bytes: Uint8Array): Uint8Array =>
  blake2b(concat(utf8('directory/outcome\0'), bytes), { key })

const seal = (keys: Keys, bytes: Uint8Array) => concat(macOf(keys[0], bytes), bytes)

function open(keys: Keys, sealed: Uint8Array): Uint8Array {
  const bytes = sealed.subarray(MAC_BYTES)
  const mac = sealed.slice(0, MAC_BYTES)
  if (!isMacUnderOne(keys, mac, (key) => macOf(key, bytes))) throw new Error('a forged outcome')
  return bytes
}
